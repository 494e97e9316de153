"""What the ledger forgets, what it keeps, and that a late message changes nothing either way."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchNotFound
from ingest_project.ledger import prune as prune_module
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.prune import Pruned
from ingest_project.ledger.tables import (
    attempts,
    batch_objects,
    batches,
    message_objects,
    messages,
    object_versions,
)
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.routing import RoutedObject
from ingest_project_tests.ledger.factories import (
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    failure,
    find_outdated,
    ingest,
    listed,
    objects_by_state,
    outcome,
    plan,
    plan_one,
    rebuild,
    routed,
    rules,
    start,
)

MONTH = timedelta(days=30)


def prune(
    ledger: Ledger, *, older_than: timedelta = MONTH, policy: OnOverwrite = "replace", **more: Any
) -> Pruned:
    return ledger.prune(older_than=older_than, policies={TABLE: policy}, **more)


def journey(ledger: Ledger, clock: Clock, *objects: RoutedObject, policy: OnOverwrite = "replace") -> None:
    """The whole way of these objects, up to the deletion of their messages; then two months pass."""
    ingest(ledger, *[written_now(one, clock) for one in objects], table=rules(on_overwrite=policy))
    ledger.messages_deleted(QUEUE, deletable(ledger))
    clock.advance(days=60)


def written_now(one: RoutedObject, clock: Clock) -> RoutedObject:
    return replace(one, object=replace(one.object, event_time=clock.now - timedelta(minutes=1)))


def redeliver(ledger: Ledger, *objects: RoutedObject, policy: OnOverwrite = "replace") -> list[str]:
    """Deliver late messages; returns the batches that are planned for them."""
    deliver(ledger, *[claim(one) for one in objects])
    return plan(ledger, rules(on_overwrite=policy))


def count(tables: sa.Connection, table: sa.Table) -> int:
    return tables.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_what_is_in_the_table_is_kept_and_all_that_led_to_it_is_forgotten(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    journey(ledger, clock, routed("a"), routed("b"))
    journey(ledger, clock, routed("c"))

    assert prune(ledger) == Pruned(messages=3, batches=1, object_versions=0)

    assert objects_by_state(ledger) == {"committed": 3}
    assert [count(tables, one) for one in (messages, message_objects, attempts, batches, batch_objects)] == [
        0, 0, 1, 1, 1,
    ]  # fmt: skip
    assert ledger.table_report(TABLE).last_commit is not None
    assert prune(ledger) == Pruned()


def test_what_is_in_the_table_settles_a_late_message_at_once(ledger: Ledger, clock: Clock) -> None:
    journey(ledger, clock, routed("a"))
    prune(ledger)

    assert redeliver(ledger, routed("a")) == []
    assert len(deletable(ledger)) == 1


def test_a_superseded_version_is_forgotten_and_superseded_again(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    old, new = routed(sequencer="01"), routed(sequencer="02")
    journey(ledger, clock, old)
    journey(ledger, clock, new)
    assert prune(ledger).object_versions == 1
    assert objects_by_state(ledger) == {"committed": 1}

    (batch_id,) = redeliver(ledger, old)
    find_outdated(ledger, batch_id)

    assert objects_by_state(ledger) == {"committed": 1, "superseded": 1}
    assert len(deletable(ledger)) == 1


def test_a_version_that_nothing_in_the_table_supersedes_is_kept(ledger: Ledger, clock: Clock) -> None:
    """A rebuild took its key out: if the version were forgotten, a late message would bring its rows back."""
    journey(ledger, clock, routed("gone"))
    commit(ledger, rebuild(ledger), run_id="rebuild-1")
    clock.advance(days=60)

    assert prune(ledger).object_versions == 0
    assert redeliver(ledger, routed("gone")) == []


def test_an_appending_table_keeps_what_a_rebuild_replaced(ledger: Ledger, clock: Clock) -> None:
    old, new = routed(sequencer="01", etag="old"), routed(sequencer="02", etag="new")
    journey(ledger, clock, old, new, policy="append")
    commit(
        ledger, rebuild(ledger, listed(etag="new"), table=rules(on_overwrite="append")), run_id="rebuild-1"
    )
    clock.advance(days=60)

    assert objects_by_state(ledger) == {"committed": 1, "superseded": 1}
    assert prune(ledger, policy="append").object_versions == 0
    assert redeliver(ledger, old, policy="append") == []


def test_an_ignoring_table_forgets_what_it_ignored_and_ignores_it_again(ledger: Ledger, clock: Clock) -> None:
    first, second = routed(sequencer="01"), routed(sequencer="02")
    journey(ledger, clock, first, policy="ignore")
    journey(ledger, clock, second, policy="ignore")
    assert objects_by_state(ledger) == {"committed": 1, "skipped": 1}

    assert prune(ledger, policy="ignore").object_versions == 1

    assert redeliver(ledger, second, first, policy="ignore") == []
    assert objects_by_state(ledger) == {"committed": 1, "skipped": 1}


def test_a_table_that_the_settings_do_not_have_keeps_its_superseded_versions(
    ledger: Ledger, clock: Clock
) -> None:
    journey(ledger, clock, routed(sequencer="01"))
    journey(ledger, clock, routed(sequencer="02"))

    assert ledger.prune(older_than=MONTH, policies={}).object_versions == 0


@pytest.mark.parametrize("state", [ObjectState.FAILED, ObjectState.QUARANTINED, ObjectState.PENDING])
def test_open_failed_and_parked_versions_are_kept_with_their_messages(
    ledger: Ledger, tables: sa.Connection, clock: Clock, state: ObjectState
) -> None:
    deliver(ledger, claim(routed()))
    work = start(ledger, plan_one(ledger))
    failures = [failure(member.object_id) for member in work.objects]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures, snapshot_id=None))
    tables.execute(sa.update(object_versions).values(state=state))
    clock.advance(days=60)

    pruned = prune(ledger)

    assert pruned.object_versions == 0
    assert pruned.messages == (1 if state is ObjectState.QUARANTINED else 0)
    assert objects_by_state(ledger) == {state: 1}


def test_an_open_batch_is_kept_with_all_that_belongs_to_it(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    deliver(ledger, claim(routed()))
    batch_id = plan_one(ledger)
    clock.advance(days=60)

    assert prune(ledger) == Pruned()
    commit(ledger, batch_id)


def test_messages_that_sqs_dropped_unseen_are_forgotten(ledger: Ledger, clock: Clock) -> None:
    """Rejected ones went to the DLQ; an open one whose object another message settled expired there."""
    deliver(ledger, claim(rejected=("no S3 event",)))
    ingest(ledger, routed())
    clock.advance(days=60)

    assert prune(ledger).messages == 2


def test_nothing_younger_is_forgotten(ledger: Ledger, clock: Clock) -> None:
    ingest(ledger, written_now(routed(sequencer="01"), clock))
    ingest(ledger, written_now(routed(sequencer="02"), clock))
    ledger.messages_deleted(QUEUE, deletable(ledger))
    clock.advance(days=29)

    assert prune(ledger) == Pruned()


def test_a_version_whose_message_may_still_come_is_kept(ledger: Ledger, clock: Clock) -> None:
    old = routed(sequencer="01")
    journey(ledger, clock, old)
    journey(ledger, clock, routed(sequencer="02"))
    deliver(ledger, claim(old, received_at=clock.now), now=clock.now)

    assert prune(ledger).object_versions == 0


def test_a_dry_run_says_the_same_and_changes_nothing(
    ledger: Ledger, tables: sa.Connection, clock: Clock
) -> None:
    journey(ledger, clock, routed("a", sequencer="01"), routed("b"))
    journey(ledger, clock, routed("a", sequencer="02"))
    before = [count(tables, one) for one in (messages, batches, object_versions)]

    predicted = prune(ledger, dry_run=True)

    assert [count(tables, one) for one in (messages, batches, object_versions)] == before
    assert predicted == prune(ledger) == Pruned(messages=3, batches=1, object_versions=1)


def test_it_works_in_portions_of_any_size(
    ledger: Ledger, tables: sa.Connection, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune_module, "PORTION", 3)
    monkeypatch.setattr(prune_module, "MEMBERS", 2)
    names = [f"k{number}" for number in range(10)]
    for sequencer in ("01", "02", "03"):
        journey(ledger, clock, *[routed(name, sequencer=sequencer) for name in names])

    assert prune(ledger) == Pruned(messages=30, batches=2, object_versions=20)
    assert objects_by_state(ledger) == {"committed": 10}
    assert count(tables, batch_objects) == 10


def test_a_run_of_a_forgotten_batch_that_wakes_up_is_refused(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed("a")))
    batch_id = plan_one(ledger)
    commit(ledger, batch_id)
    clock.advance(minutes=1)
    journey(ledger, clock, routed("b"))
    prune(ledger)

    with pytest.raises(BatchNotFound):
        ledger.confirm(batch_id, run_id="run-1", object_ids=set())


def test_less_than_two_weeks_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="14 days"):
        prune(ledger, older_than=timedelta(days=13))


def test_everything_that_ever_came_may_come_again_after_pruning(ledger: Ledger, clock: Clock) -> None:
    """The same messages, a month later, in reverse order: S3 shows that none of the objects is newer."""
    writes = [routed(f"k{number}", sequencer=f"0{write}") for number in range(5) for write in range(1, 5)]
    for write in range(4):
        journey(ledger, clock, *writes[write::4])
    before = objects_by_state(ledger)["committed"]
    assert prune(ledger).object_versions == 15

    for _ in range(3):  # of each key one write at a time
        for batch_id in redeliver(ledger, *reversed(writes)):
            find_outdated(ledger, batch_id)
    assert objects_by_state(ledger) == {"committed": before, "superseded": 15}
