"""Messages twice and out of order, stale receipt handles, and two daemons on one queue."""

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.deployment import VISIBILITY_SECONDS
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Stuck, Trial, announced_once_or_more

SECOND_DAEMON = "dagster-2"


def duplicates_at_once(trial: Trial) -> None:
    """Each event may come several times, in any order, and some together in one message."""
    writes = trial.write_new()
    announced_once_or_more(trial, writes)
    trial.landing.announce_together(trial.rng.sample(writes, len(writes) // 2))
    trial.strikes += 1
    trial.settle()


def duplicates_later(trial: Trial) -> None:
    """The same events come again after everything was settled."""
    writes = trial.land()
    trial.settle()
    announced_once_or_more(trial, writes)
    trial.strikes += 1
    trial.settle()


def duplicates_while_committing(trial: Trial) -> None:
    """The same events come again, and are claimed, between the confirmation of a batch and its commit."""
    trial.arm("after-confirm", Action.PAUSE, seconds=8)
    writes = trial.land()
    trial.await_mark("after-confirm")
    announced_once_or_more(trial, writes)
    trial.settle()


def visible_again(trial: Trial) -> None:
    """All messages become visible while their batch works, as if the visibility timeout had run out."""
    trial.arm("after-fetch", Action.PAUSE, seconds=8)
    trial.land()
    trial.await_mark("after-fetch")
    for (handle,) in _receipts(trial):
        trial.deployment.sqs.change_message_visibility(
            QueueUrl=trial.deployment.queue_url(trial.queue), ReceiptHandle=handle, VisibilityTimeout=0
        )
    trial.settle()


def works_for_three_timeouts(trial: Trial) -> None:
    """The run works for three visibility timeouts, and no message is received a second time."""
    trial.arm("after-fetch", Action.PAUSE, seconds=3 * VISIBILITY_SECONDS + 5)
    trial.land(12)
    trial.await_mark("after-fetch")
    trial.settle()
    received = trial.deployment.ledger(
        "select m.receive_count, count(*) from messages m"
        " join message_objects l on l.queue = m.queue and l.message_id = m.message_id"
        " join object_versions o on o.object_id = l.object_id"
        " where o.table_name = :table group by m.receive_count",
        table=trial.table,
    )
    if received != [(1, 12)]:
        raise Stuck(f"12 messages received once each are (receive count, messages) {received}")


def stale_receipts(trial: Trial) -> None:
    """A second consumer receives the messages, so that the project's receipt handles become stale."""
    trial.arm("after-commit", Action.PAUSE, seconds=6)
    trial.land(12)
    trial.await_mark("after-commit")
    url = trial.deployment.queue_url(trial.queue)
    for (handle,) in _receipts(trial):
        trial.deployment.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
        )
    taken = 0
    for _ in range(4):
        answer = trial.deployment.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=10, WaitTimeSeconds=0
        )
        taken += len(answer.get("Messages", []))
    trial.settle()
    if taken == 0:
        raise NotReached("the sensor received them first")


def two_daemons(trial: Trial) -> None:
    """Two daemons that know nothing of each other, on one queue, one ledger and one catalog."""
    trial.deployment.start(SECOND_DAEMON)
    for _ in range(3):
        trial.land(8)
        trial.pass_time(trial.rng.uniform(0, 6))
    trial.wait(
        lambda: len({name for name, _, _ in trial.deployment.runs(trial.table)}) > 1 or trial.is_over(),
        "both",
    )
    trial.settle()
    if len({name for name, _, _ in trial.deployment.runs(trial.table)}) < 2:
        raise NotReached("only one daemon launched runs")
    trial.strikes += 1


def two_daemons_one_dies(trial: Trial) -> None:
    """Of two daemons one is killed with its run in the middle of the commit; the other one finishes."""
    trial.deployment.start(SECOND_DAEMON)
    trial.arm("after-commit", Action.KILL_SELF)
    trial.land()
    trial.await_mark("after-commit")
    trial.settle()


def _receipts(trial: Trial) -> list[tuple[str]]:
    query = (
        "select m.receipt_handle from messages m where m.state = 'open' and m.receipt_handle is not null and "
        "exists (select 1 from message_objects o join object_versions v on v.object_id = o.object_id"
        " where o.message_id = m.message_id and v.table_name = :table)"
    )
    return [(str(handle),) for (handle,) in trial.deployment.ledger(query, table=trial.table)]


DELIVERY = (
    Fault("messages-twice-at-once", duplicates_at_once),
    Fault("messages-again-later", duplicates_later),
    Fault("messages-again-while-committing", duplicates_while_committing),
    Fault("messages-visible-again", visible_again),
    Fault("receipts-stale", stale_receipts),
    Fault("works-for-three-timeouts", works_for_three_timeouts, deadline_seconds=360),
    Fault("two-daemons", two_daemons, deadline_seconds=360),
    Fault("two-daemons-one-run-dies", two_daemons_one_dies, deadline_seconds=360),
)
