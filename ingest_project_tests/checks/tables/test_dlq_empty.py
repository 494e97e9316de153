"""The check of the dead-letter queue."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest_project.checks.tables.dlq_empty import DeadLetters, judge_dlq
from ingest_project_tests.checks.tables.factories import settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARN = "arn:aws:sqs:us-east-1:123456789012:landing-dlq"


@pytest.mark.parametrize(
    ("messages", "said"), [(1, "1 message in the DLQ"), (1_200, "1,200 messages in the DLQ")]
)
def test_messages_in_the_dlq_are_an_error_and_say_what_to_do(messages: int, said: str) -> None:
    verdict = judge_dlq(settings(), DeadLetters(ARN, messages), NOW)

    assert (verdict.passed, verdict.severity) == (False, "error")
    assert verdict.description == f"{said} of queue landing"
    assert verdict.facts["messages"] == messages
    assert "oldest_age" not in verdict.facts
    assert "`ingest dlq landing`" in str(verdict.facts["what_to_do"])
    assert "`ingest redrive landing`" in str(verdict.facts["what_to_do"])


def test_age_is_a_fact_and_not_part_of_the_description() -> None:
    sent = NOW - timedelta(hours=50)

    verdict = judge_dlq(settings(), DeadLetters(ARN, 3, sent), NOW)

    assert (verdict.facts["oldest_sent_at"], verdict.facts["oldest_age"]) == (sent, "2.08 d")
    assert verdict.description == "3 messages in the DLQ of queue landing"


def test_empty_dlq_passes() -> None:
    assert judge_dlq(settings(), DeadLetters(ARN, 0), NOW).passed


def test_queue_without_a_dlq_passes_saying_so() -> None:
    verdict = judge_dlq(settings(), None, NOW)

    assert verdict.passed
    assert verdict.description == "queue landing has no DLQ; `ingest check` says how to get one"
