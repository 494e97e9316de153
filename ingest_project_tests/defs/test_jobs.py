"""What a run of the ingest job is called once its batch is settled, whatever happens to its messages."""

import logging
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from ingest_project.errors import IngestError, LedgerUnavailable, QueueUnavailable
from ingest_project.ingestion.acknowledge import Acknowledged
from ingest_project.services import Services
from ingest_project_tests.defs.factories import ingest
from ingest_project_tests.factories import QUEUE, Zone
from ingest_project_tests.faults import once


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def acknowledge_with(error: IngestError, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_services: Services, _queue: str) -> Acknowledged:
        raise error

    monkeypatch.setattr(Services, "acknowledge", fail)


@pytest.mark.parametrize("error", [QueueUnavailable("landing", "503"), LedgerUnavailable("it is locked")])
def test_run_that_settled_its_batch_succeeds_though_its_messages_cannot_be_deleted_now(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, error: IngestError
) -> None:
    zone.put_orders("a", 1)
    acknowledge_with(error, monkeypatch)

    result = ingest(zone, instance)

    assert result.success
    warnings = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert any("deletes the messages" in text for text in warnings)
    monkeypatch.undo()
    assert zone.acknowledge().deleted == 1


def test_run_whose_messages_can_never_be_deleted_fails(
    zone: Zone, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put_orders("a", 1)
    acknowledge_with(IngestError("sqs:DeleteMessage is denied"), monkeypatch)

    assert not ingest(zone, instance).success


@pytest.mark.parametrize("overtakes", ["a rebuild of the partition", "another run of the batch"])
def test_run_that_is_overtaken_before_its_commit_ends_well(
    zone: Zone, instance: dg.DagsterInstance, overtakes: str
) -> None:
    zone.put_orders("a", 1)
    other = zone.restarted()

    def overtake() -> None:
        if overtakes == "a rebuild of the partition":
            other.rebuild()
            return
        (batch,) = other.ledger.open_batches(QUEUE)
        other.process(batch.batch_id, run_id="run-2")

    ledger = zone.hooked_ledger(before_confirm=once(overtake))
    zone.services.pipeline = replace(zone.services.pipeline, ledger=ledger)

    result = ingest(zone, instance)

    assert result.success
    assert [one for one in instance.all_logs(result.run_id) if int(one.level) >= logging.ERROR] == []
    assert zone.message_states() == {"deleted": 1}
    zone.assert_exact(1)
