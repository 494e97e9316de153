"""The check of the dead-letter queue."""

import pytest

from ingest_project.checks.tables.dlq_empty import DeadLetters, judge_dlq
from ingest_project_tests.checks.tables.factories import settings

ARN = "arn:aws:sqs:us-east-1:123456789012:landing-dlq"


@pytest.mark.parametrize(
    ("messages", "said"), [(1, "1 message in the DLQ"), (1_200, "1,200 messages in the DLQ")]
)
def test_messages_in_the_dlq_are_an_error_and_say_what_to_do(messages: int, said: str) -> None:
    verdict = judge_dlq(settings(), DeadLetters(ARN, messages))

    assert (verdict.passed, verdict.severity) == (False, "error")
    assert verdict.description == f"{said} of queue landing"
    assert verdict.facts["messages"] == messages
    assert f"start-message-move-task --source-arn {ARN}" in str(verdict.facts["what_to_do"])


def test_empty_dlq_passes() -> None:
    assert judge_dlq(settings(), DeadLetters(ARN, 0)).passed


def test_queue_without_a_dlq_passes_saying_so() -> None:
    verdict = judge_dlq(settings(), None)

    assert verdict.passed
    assert verdict.description == "queue landing has no DLQ; `ingest check` says how to get one"
