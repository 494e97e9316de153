"""A queue of the emulator with one thing wrong at a time."""

import json
import shlex
from collections.abc import Callable

import boto3
import pytest

from ingest_project.checks.deployment.finding import Finding, Level
from ingest_project.checks.deployment.queues import check_queue
from ingest_project.sources.aws import Aws
from ingest_project_tests.checks.deployment.test_after import Iam
from ingest_project_tests.landing import DLQ_ARN, Landing


def findings(landing: Landing) -> dict[str, Finding]:
    services = landing.services()
    return {found.check: found for found in check_queue(services, services.settings.queue("landing"))}


def run(found: Finding) -> dict[str, str]:
    """The attributes that the remedy's command sets, as a shell would read it."""
    words = shlex.split(found.remedy or "")
    assert words[:3] == ["aws", "sqs", "set-queue-attributes"]
    return dict(json.loads(words[words.index("--attributes") + 1]))


def test_a_queue_with_a_dead_letter_queue_is_ok(landing: Landing) -> None:
    found = findings(landing)

    assert {one.level for one in found.values()} == {Level.OK}
    assert found["dead_letter_queue"].message == f"{DLQ_ARN} after 5 receives"


def test_redrive_that_makes_second_rows_is_a_warning_for_raw_messages(landing: Landing) -> None:
    assert "redrive" not in findings(landing)
    queue = {"name": "landing", "url": landing.queue_url, "source": "messages"}
    landing.write(queues=[queue], tables=[])

    found = findings(landing)["redrive"]

    assert found.level is Level.WARNING
    assert "second rows" in found.message
    assert found.remedy == "move messages back by `ingest redrive landing` only"


@pytest.mark.parametrize(
    ("decisions", "said"),
    [
        ({"SendMessage": "implicitDeny"}, "no policy of the identity allows sqs:SendMessage on arn:aws:sqs:"),
        ({"DeleteMessage": "explicitDeny"}, f"a policy denies sqs:DeleteMessage on {DLQ_ARN}"),
    ],
)
def test_redrive_that_is_not_allowed_is_a_warning(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, decisions: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(Aws, "client", lambda _self, _service: Iam(**decisions))

    found = findings(landing)["redrive"]

    assert found.level is Level.WARNING
    assert found.message.startswith(f"ingest redrive: {said}")


def test_redrive_that_is_allowed_is_not_mentioned(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Aws, "client", lambda _self, _service: Iam())

    assert "redrive" not in findings(landing)


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
    dlq_url = f"{landing.queue_url}-dlq"
    landing.sqs.set_queue_attributes(QueueUrl=dlq_url, Attributes={"MessageRetentionPeriod": "345600"})

    found = findings(landing)["dead_letter_queue"]

    assert found.level is Level.WARNING
    assert "for 4 days since they were first sent, no longer than the queue itself" in found.message
    assert run(found) == {"MessageRetentionPeriod": "1209600"}


def test_a_dead_letter_queue_that_keeps_messages_as_long_as_sqs_allows_is_ok(landing: Landing) -> None:
    landing.set_queue(MessageRetentionPeriod="1209600")

    found = findings(landing)["dead_letter_queue"]

    assert found.level is Level.OK
    assert "14 days since they were first sent, the time in landing included" in found.message


def test_a_dead_letter_queue_that_is_ingested_is_a_problem(landing: Landing) -> None:
    queues = [
        {"name": "landing", "url": landing.queue_url},
        {"name": "dead", "url": f"{landing.queue_url}-dlq"},
    ]
    landing.write(queues=queues)

    services = landing.services()
    found = check_queue(services, services.settings.queue("landing"))

    (told,) = [one for one in found if one.level is Level.PROBLEM]
    assert "itself a queue that is ingested (dead)" in told.message


def test_a_dead_letter_queue_of_other_queues_too_is_a_warning(landing: Landing) -> None:
    redrive = json.dumps({"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": "5"})
    landing.sqs.create_queue(QueueName="mails", Attributes={"RedrivePolicy": redrive})

    found = findings(landing)["dead_letter_queue"]

    assert found.level is Level.WARNING
    assert "the DLQ of other queues too (mails)" in found.message


def test_messages_too_small_for_s3_events_are_a_warning(landing: Landing) -> None:
    landing.set_queue(MaximumMessageSize="65535")
    found = findings(landing)["message_size"]

    assert found.level is Level.WARNING
    assert run(found) == {"MaximumMessageSize": "262144"}

    landing.set_queue(MaximumMessageSize="65536")
    assert "message_size" not in findings(landing)


def test_a_visibility_timeout_below_the_lease_is_a_warning(landing: Landing) -> None:
    landing.write(queues=[{"name": "landing", "url": landing.queue_url, "visibility_timeout_seconds": 59}])
    assert findings(landing)["visibility"].level is Level.WARNING

    landing.write(queues=[{"name": "landing", "url": landing.queue_url, "visibility_timeout_seconds": 60}])
    assert findings(landing)["visibility"].level is Level.OK


def test_a_url_of_another_region_than_aws_region_is_reported(landing: Landing) -> None:
    entry = {"name": "landing", "url": "https://sqs.eu-west-3.amazonaws.com/123456789012/landing"}
    landing.write(queues=[entry])

    found = findings(landing)

    assert found["region"].level is Level.WARNING
    assert "names the region eu-west-3, but aws.region is us-east-1" in found["region"].message
    assert found["queue"].level is Level.PROBLEM  # the emulator has the queue in us-east-1 only
    assert "there is no arn:aws:sqs:eu-west-3:123456789012:landing" in (found["queue"].remedy or "")


def test_a_queue_is_read_in_the_region_of_its_url(landing: Landing) -> None:
    boto3.client("sqs", region_name="eu-west-3").create_queue(QueueName="landing")
    entry = {"name": "landing", "url": "https://sqs.eu-west-3.amazonaws.com/123456789012/landing"}
    landing.write(queues=[{**entry, "region": "eu-west-3"}])

    found = findings(landing)

    assert found["queue"].level is Level.OK
    assert "arn:aws:sqs:eu-west-3:" in found["queue"].message
    assert "region" not in found
    assert landing.services().queue("landing").attributes().arn.startswith("arn:aws:sqs:eu-west-3:")


def test_a_refused_look_names_the_permission_and_the_arn(
    landing: Landing, denied: Callable[..., None]
) -> None:
    denied("sqs:GetQueueAttributes")

    (found,) = findings(landing).values()

    assert found.level is Level.PROBLEM
    assert found.remedy == "grant sqs:GetQueueAttributes on arn:aws:sqs:us-east-1:123456789012:landing"


def test_the_commands_of_a_queue_without_a_dead_letter_queue_give_it_one(landing: Landing) -> None:
    landing.set_queue(RedrivePolicy="")
    create, set_policy = (findings(landing)["dead_letter_queue"].remedy or "").split(" && ")

    words = shlex.split(create)
    assert words[:3] == ["aws", "sqs", "create-queue"]
    name, attributes = words[words.index("--queue-name") + 1], json.loads(words[-1])
    landing.sqs.create_queue(QueueName=name, Attributes=attributes)
    landing.set_queue(**json.loads(shlex.split(set_policy)[-1]))

    assert findings(landing)["dead_letter_queue"].level is Level.OK


def test_a_retention_below_a_day_is_a_warning(landing: Landing) -> None:
    landing.set_queue(MessageRetentionPeriod="3600")

    found = findings(landing)["retention"]

    assert found.level is Level.WARNING
    assert "60 minutes" in found.message


def test_the_queues_own_visibility_timeout_is_named_where_it_differs(landing: Landing) -> None:
    assert "default, 30 s, does not matter" in findings(landing)["visibility"].message

    landing.set_queue(VisibilityTimeout="300")

    assert findings(landing)["visibility"].message == "visibility timeout 300 s"
