"""What an error text may say, and what it must not."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs.faults import scrubbed, translated


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
