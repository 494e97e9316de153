"""A run's lease: it beats while the run works, its messages stay invisible, and an error gives it up."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from ingest_project.errors import CommitConflict, LedgerUnavailable
from ingest_project.ingestion.lease import HEARTBEATS, Lease
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import Batch
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.factories import QUEUE, Zone
from ingest_project_tests.faults import Killed, once
from ingest_project_tests.patience import PATIENCE_SECONDS

BEAT_SECONDS = 0.05
LEASE = timedelta(seconds=BEAT_SECONDS * HEARTBEATS)


@pytest.fixture
def zone(aws: str, tmp_path: Path) -> Zone:
    return Zone.create(tmp_path, aws)


@pytest.fixture
def silent_queue(aws: str) -> Iterator[Queue]:
    """A queue at an endpoint that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = Config(retries={"total_max_attempts": 1}, read_timeout=3)
        yield Queue(boto3.client("sqs", endpoint_url=url, config=config), name=QUEUE, url=f"{url}/1/landing")


class FailingHeartbeats(Ledger):
    """A ledger that cannot be reached for the first heartbeat."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._outage = once(self._fail)

    def heartbeat(self, batch_id: str, *, run_id: str) -> bool:
        self._outage()
        return super().heartbeat(batch_id, run_id=run_id)

    def _fail(self) -> None:
        raise LedgerUnavailable("the database went away")


class NoRelease(Ledger):
    """A ledger that cannot be reached when the lease is given up."""

    def release(self, batch_id: str, *, run_id: str, error_class: str, error: str) -> None:
        raise LedgerUnavailable("the database went away")


def started(zone: Zone, *, visibility_timeout_seconds: int = 60) -> Batch:
    """A batch of one object that run-1 has started."""
    zone.put_orders("a", 1)
    zone.drain(visibility_timeout_seconds=visibility_timeout_seconds)
    (batch,) = zone.ledger.open_batches(QUEUE)
    work = zone.ledger.start(batch.batch_id, run_id="run-1")
    assert work is not None
    return work.batch


def held(zone: Zone, batch: Batch, **others: object) -> Lease:
    """The lease of run-1, with another ledger, queue or visibility timeout."""
    values: dict[str, object] = {"visibility": timedelta(seconds=60), "lease": LEASE, **others}
    ledger, queue = values.pop("ledger", zone.ledger), values.pop("queue", zone.queue)
    return Lease(ledger, queue, batch_id=batch.batch_id, run_id="run-1", **values)  # type: ignore[arg-type]


def heartbeat_at(zone: Zone, batch: Batch) -> datetime:
    found = zone.ledger.batch(batch.batch_id).heartbeat_at
    assert found is not None
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lease_beats_while_the_block_runs_and_not_afterwards(zone: Zone) -> None:
    batch = started(zone)
    with held(zone, batch):
        wait_for(lambda: heartbeat_at(zone, batch) > datetime.now(UTC) - timedelta(seconds=BEAT_SECONDS))
        first = heartbeat_at(zone, batch)
        wait_for(lambda: heartbeat_at(zone, batch) > first)

    last = heartbeat_at(zone, batch)
    time.sleep(4 * BEAT_SECONDS)
    assert heartbeat_at(zone, batch) == last
    assert zone.ledger.batch(batch.batch_id).error is None


def test_error_gives_the_lease_up_with_its_class_and_reason(zone: Zone) -> None:
    batch = started(zone)

    with pytest.raises(CommitConflict), held(zone, batch):
        raise CommitConflict("sales.orders", "others won every race")

    released = zone.ledger.batch(batch.batch_id)
    assert released.heartbeat_at is None
    assert released.error == "table sales.orders: others won every race"


@pytest.mark.parametrize("error", [RuntimeError("password=secret"), Killed("password=secret")])
def test_error_of_a_library_is_recorded_by_its_name_alone(zone: Zone, error: BaseException) -> None:
    batch = started(zone)

    with pytest.raises(type(error)), held(zone, batch):
        raise error

    released = zone.ledger.batch(batch.batch_id)
    assert (released.heartbeat_at, released.error) == (None, type(error).__name__)


def test_lease_that_another_run_has_taken_is_neither_kept_nor_given_up(zone: Zone) -> None:
    batch = started(zone)

    def lose_the_lease_and_fail() -> None:
        with held(zone, batch) as lease:
            zone.ledger.start(batch.batch_id, run_id="run-2")
            taken.append(heartbeat_at(zone, batch))
            wait_for(lambda: not lease._beating.is_alive())
            raise CommitConflict("sales.orders", "others won every race")

    taken: list[datetime | None] = []
    with pytest.raises(CommitConflict):
        lose_the_lease_and_fail()

    now = zone.ledger.batch(batch.batch_id)
    assert (now.run_id, now.heartbeat_at, now.error) == ("run-2", taken[0], None)


def test_run_that_lost_its_lease_extends_no_visibility(zone: Zone) -> None:
    batch = started(zone, visibility_timeout_seconds=60)
    with held(zone, batch) as lease:
        zone.ledger.start(batch.batch_id, run_id="run-2")
        wait_for(lambda: not lease._beating.is_alive())
        wait_for(lambda: not lease._extending.is_alive())


def test_ledger_that_misses_a_heartbeat_gets_the_next(zone: Zone, caplog: pytest.LogCaptureFixture) -> None:
    batch = started(zone)
    before = heartbeat_at(zone, batch)

    with held(zone, batch, ledger=FailingHeartbeats(zone.services.settings.ledger.url)):
        wait_for(lambda: heartbeat_at(zone, batch) > before)

    assert "the database went away" in caplog.text


def test_first_error_is_the_one_to_see_when_the_lease_cannot_be_given_up(
    zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    batch = started(zone)
    ledger = NoRelease(zone.services.settings.ledger.url)

    with pytest.raises(CommitConflict), held(zone, batch, ledger=ledger):
        raise CommitConflict("sales.orders", "others won every race")

    assert "could not be given up" in caplog.text


def test_queue_that_does_not_answer_costs_no_heartbeat(zone: Zone, silent_queue: Queue) -> None:
    batch = started(zone, visibility_timeout_seconds=1)
    with held(zone, batch, queue=silent_queue):
        time.sleep(0.5)  # the extension is waiting for its answer by now
        beat = heartbeat_at(zone, batch)
        began = time.monotonic()
        wait_for(lambda: heartbeat_at(zone, batch) > beat)

        assert time.monotonic() - began < 1


def test_messages_stay_invisible_over_many_timeouts_while_the_lease_is_held(zone: Zone) -> None:
    batch = started(zone, visibility_timeout_seconds=2)
    with held(zone, batch, visibility=timedelta(seconds=2)):
        until = time.monotonic() + 5
        while time.monotonic() < until:
            assert zone.queue.attributes().visible == 0
            time.sleep(0.1)

    zone.redeliver()
    (message,) = zone.queue.receive(limit=1, wait_seconds=1, visibility_timeout_seconds=60, seconds=5)
    assert message.receive_count == 2
