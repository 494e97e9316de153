"""What boto3's errors mean for the person who set things up: what AWS said, and what to do about it."""

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from botocore.parsers import ResponseParserError

from ingest_project.errors import SettingsError
from ingest_project.sqs.faults import scrubbed

AWS_FAULTS = (BotoCoreError, ClientError, ResponseParserError, SettingsError)
"""All that a call through `Aws` may raise. SettingsError: no region, or nobody to assume the role as."""

# SQS, S3 and STS each have their own words; a HEAD has no body, so S3 leaves only the status.
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"})
_ABSENT = frozenset({
    "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket", "404",
})  # fmt: skip
_STALE = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId",
    "InvalidSecurity", "InvalidToken", "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip


def is_denied(error: Exception) -> bool:
    """Whether AWS knows who asks, and does not let them."""
    return isinstance(error, ClientError) and _code(error) in _DENIED


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
        return "mend the settings or the environment as it says"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "give boto3 credentials: log in, set AWS_PROFILE, or give the machine a role"
    if not isinstance(error, ClientError):
        return "see that the endpoint is right and reachable (aws.endpoint_url, AWS_ENDPOINT_URL, aws.region, proxy)"
    if error.operation_name == "AssumeRole":
        return (
            "let the caller assume the role: sts:AssumeRole in the caller's policy, and the caller, with "
            "aws.external_id if the role wants one, in the role's trust policy"
        )
    if _code(error) in _DENIED:
        return f"grant {permission} on {resource}"
    if _code(error) in _ABSENT:
        return if_absent
    if _code(error) in _STALE:
        return "renew the credentials; `aws sts get-caller-identity` tells whether they are taken"
    return "look the code up in the service's API reference; throttling and 5xx pass by themselves"


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "Unknown")
