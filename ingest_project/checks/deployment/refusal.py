"""Explains boto3's errors to the person who deploys: what AWS said, and what to do."""

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from botocore.parsers import ResponseParserError

from ingest_project.checks.deployment.finding import Finding, warning
from ingest_project.errors import SettingsError
from ingest_project.sources.sqs.faults import scrubbed

AWS_FAULTS = (BotoCoreError, ClientError, ResponseParserError, SettingsError)
"""Everything that a call through `Aws` may raise. SettingsError: no region, or no credentials to assume a
role."""

# SQS, S3 and STS have different codes; the answer to a HEAD has no body, so S3 gives only the status.
_DENIED = frozenset({
    "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AuthorizationError",
    "AuthorizationErrorException", "UnauthorizedOperation", "403",
})  # fmt: skip
_ABSENT = frozenset({
    "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket", "NotFound",
    "NotFoundException", "ResourceNotFoundException", "404",
})  # fmt: skip
_STALE = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId",
    "InvalidSecurity", "InvalidToken", "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip


def is_denied(error: Exception) -> bool:
    """Whether AWS knows the caller, and denies the request."""
    return isinstance(error, ClientError) and _code(error) in _DENIED


def unseen(
    check: str, subject: str, error: Exception, what: str, *, permission: str, resource: str
) -> Finding:
    """A warning that `what` could not be checked, and which permission it needs."""
    needs = f"needs {permission} ({words_of(error)})" if is_denied(error) else words_of(error)
    remedy = remedy_for(
        error, permission=permission, resource=resource, if_absent=f"check whether {resource} exists"
    )
    return warning(check, subject, f"{what} could not be checked: {needs}", remedy)


def words_of(error: Exception) -> str:
    """What AWS or boto3 said, on one line."""
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message", "")
        return scrubbed(f"{error.operation_name}: {_code(error)}: {message}")
    if isinstance(error, SettingsError):
        return scrubbed(str(error))
    return scrubbed(f"{type(error).__name__}: {error}")


def remedy_for(error: Exception, *, permission: str, resource: str, if_absent: str) -> str:
    """What to do. `permission` is the IAM action that the call needs on `resource`, an ARN or a name."""
    if isinstance(error, SettingsError):
        return "correct the settings or the environment as the message says"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "give boto3 credentials: log in, set AWS_PROFILE, or give the machine a role"
    if not isinstance(error, ClientError):
        return (
            "check that the endpoint is right and reachable (aws.endpoint_url, AWS_ENDPOINT_URL, aws.region, "
            "proxy)"
        )
    if error.operation_name == "AssumeRole":
        return (
            "let the caller assume the role: sts:AssumeRole in the caller's policy, and the caller, with "
            "aws.external_id if the role requires one, in the role's trust policy"
        )
    if _code(error) in _DENIED:
        return f"grant {permission} on {resource}"
    if _code(error) in _ABSENT:
        return if_absent
    if _code(error) in _STALE:
        return "renew the credentials; `aws sts get-caller-identity` shows whether they are valid"
    return "look the code up in the service's API reference; throttling and 5xx are temporary"


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "Unknown")
