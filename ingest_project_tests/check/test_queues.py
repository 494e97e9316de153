"""A queue of the emulator with one thing wrong at a time."""

import json

from ingest_project.check.finding import Finding, Level
from ingest_project.check.queues import check_queue
from ingest_project_tests.landing import DLQ_ARN, Landing


def findings(landing: Landing) -> dict[str, Finding]:
    services = landing.services()
    return {found.check: found for found in check_queue(services, services.settings.queue("landing"))}


def test_a_queue_with_a_dead_letter_queue_is_ok(landing: Landing) -> None:
    found = findings(landing)

    assert {one.level for one in found.values()} == {Level.OK}
    assert found["dead_letter_queue"].message == f"{DLQ_ARN} after 5 receives"


def test_a_queue_that_does_not_exist_is_a_problem(landing: Landing) -> None:
    landing.sqs.delete_queue(QueueUrl=landing.queue_url)

    (found,) = findings(landing).values()

    assert found.level is Level.PROBLEM
    assert "NonExistentQueue" in found.message
    assert landing.queue_url in (found.remedy or "")


def test_no_redrive_policy_is_a_warning(landing: Landing) -> None:
    landing.set_queue(RedrivePolicy="")

    assert findings(landing)["dead_letter_queue"].level is Level.WARNING


def test_a_dead_letter_queue_that_was_deleted_is_a_problem(landing: Landing) -> None:
    landing.sqs.delete_queue(QueueUrl=f"{landing.queue_url}-dlq")

    found = findings(landing)["dead_letter_queue"]

    assert found.level is Level.PROBLEM
    assert "create a queue landing-dlq" in (found.remedy or "")


def test_too_few_receives_are_a_warning(landing: Landing) -> None:
    landing.set_queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": "2"}))

    assert findings(landing)["redrive_policy"].level is Level.WARNING


def test_a_dead_letter_queue_that_keeps_messages_no_longer_than_the_queue_is_a_warning(
    landing: Landing,
) -> None:
    landing.set_queue(MessageRetentionPeriod="1209600")

    found = findings(landing)["dead_letter_queue"]

    assert found.level is Level.WARNING
    assert "14 days" in found.message


def test_a_retention_below_a_day_is_a_warning(landing: Landing) -> None:
    landing.set_queue(MessageRetentionPeriod="3600")

    found = findings(landing)["retention"]

    assert found.level is Level.WARNING
    assert "60 minutes" in found.message


def test_the_queues_own_visibility_timeout_is_named_where_it_differs(landing: Landing) -> None:
    assert "default, 30 s, does not matter" in findings(landing)["visibility"].message

    landing.set_queue(VisibilityTimeout="300")

    assert findings(landing)["visibility"].message == "visibility timeout 300 s"
