"""What an error text may say, and what it must not."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.parsers import ResponseParserError

from ingest_project.errors import QueueRefused, QueueUnavailable
from ingest_project.sources.sqs.faults import judged, scrubbed, translated


def test_a_refused_call_names_the_operation_the_code_and_the_cause() -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "ReceiveMessage")

    with pytest.raises(QueueUnavailable) as raised, translated("landing"):
        raise refused

    assert raised.value.reason == "ReceiveMessage: AccessDenied: not authorized"
    assert raised.value.__cause__ is refused


def test_the_canonical_request_of_a_rejected_signature_stays_out() -> None:
    message = "The request signature does not match.\n\nThe Canonical String: x-amz-security-token:SECRET"
    refused = ClientError({"Error": {"Code": "SignatureDoesNotMatch", "Message": message}}, "ReceiveMessage")

    with pytest.raises(QueueUnavailable) as raised, translated("landing"):
        raise refused

    assert "SECRET" not in str(raised.value)


def test_the_password_of_the_url_stays_out() -> None:
    with pytest.raises(QueueUnavailable, match=r"ingest:\*\*\*@q") as raised, translated("landing"):
        raise EndpointConnectionError(endpoint_url="https://ingest:hunter2@q/1/landing")

    assert "hunter2" not in str(raised.value)


def test_an_answer_that_is_no_sqs_answer_makes_the_queue_unavailable() -> None:
    with pytest.raises(QueueUnavailable, match="ResponseParserError: Unable to parse"), translated("landing"):
        raise ResponseParserError("Unable to parse response")


def test_a_fault_of_our_own_is_not_translated() -> None:
    with pytest.raises(ZeroDivisionError), translated("landing"):
        raise ZeroDivisionError


def test_a_receipt_handle_is_cut_out_of_the_reason() -> None:
    assert scrubbed("handle AQEB== is not valid", "AQEB==") == "handle ... is not valid"


@pytest.mark.parametrize(
    ("code", "status", "may_pass"),
    [
        ("RequestThrottled", 400, True),
        ("KmsThrottled", 400, True),
        ("InternalError", 500, True),
        ("ServiceUnavailable", 503, True),
        ("TooManyRequestsException", 429, True),
        ("AccessDenied", 403, False),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, False),
        ("ExpiredToken", 403, False),
    ],
)
def test_refusals_that_would_come_again_are_told_from_those_that_may_pass(
    code: str, status: int, may_pass: bool
) -> None:
    answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}

    with pytest.raises(QueueUnavailable) as raised, judged("landing"):
        raise ClientError(answer, "SendMessageBatch")  # type: ignore[arg-type]

    assert isinstance(raised.value, QueueRefused) != may_pass
    assert raised.value.transient == may_pass
    assert raised.value.code == code.rpartition(".")[2]


def test_lost_connection_may_pass_and_missing_credentials_do_not() -> None:
    with pytest.raises(QueueUnavailable) as lost, judged("landing"):
        raise EndpointConnectionError(endpoint_url="https://q")
    with pytest.raises(QueueRefused), judged("landing"):
        raise NoCredentialsError

    assert lost.value.transient
