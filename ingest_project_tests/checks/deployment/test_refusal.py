"""AWS's refusals, as it words them, which the emulator does not refuse with."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from ingest_project.checks.deployment.refusal import is_denied, remedy_for, words_of
from ingest_project.errors import SettingsError


def client_error(code: str, message: str = "no", operation: str = "GetQueueAttributes") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def remedy(error: Exception) -> str:
    return remedy_for(error, permission="sqs:GetQueueAttributes", resource="arn:q", if_absent="create it")


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (client_error("AccessDenied"), "grant sqs:GetQueueAttributes on arn:q"),
        (client_error("403", operation="HeadBucket"), "grant sqs:GetQueueAttributes on arn:q"),
        (client_error("AWS.SimpleQueueService.NonExistentQueue"), "create it"),
        (client_error("ExpiredToken"), "renew the credentials"),
        (client_error("AccessDenied", operation="AssumeRole"), "let the caller assume the role"),
        (client_error("ServiceUnavailable"), "look the code up"),
        (NoCredentialsError(), "give boto3 credentials"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "check that the endpoint is right"),
        (SettingsError(["aws.region: no region"]), "correct the settings"),
    ],
)
def test_each_refusal_has_its_remedy(error: Exception, start: str) -> None:
    assert remedy(error).startswith(start)


def test_only_a_known_caller_is_denied() -> None:
    assert is_denied(client_error("AccessDenied"))
    assert not is_denied(client_error("ExpiredToken"))
    assert not is_denied(NoCredentialsError())


def test_the_canonical_request_with_its_session_token_is_left_out() -> None:
    error = client_error("SignatureDoesNotMatch", "it does not match\nx-amz-security-token:SECRET")

    assert words_of(error) == "GetQueueAttributes: SignatureDoesNotMatch: it does not match"
