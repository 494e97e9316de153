"""History, retry and pruning as jobs: what the web UI is given."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest_project.defs.jobs import OBJECT_COLUMNS, ingest_jobs
from ingest_project.defs.operations import (
    HISTORY_COLUMNS,
    ledger_history,
    ledger_prune,
    ledger_replay,
    ledger_retry,
)
from ingest_project.defs.record_table import record_table
from ingest_project_tests.factories import Zone, order_key


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def launch(job: dg.JobDefinition, op: str, zone: Zone, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            run_config={"ops": {op: {"config": config}}},
            resources={"services": zone.services},
            instance=instance,
            raise_on_error=False,
        )


def output_metadata(result: dg.ExecuteInProcessResult, op: str) -> dict[str, Any]:
    (event,) = [one for one in result.events_for_node(op) if one.event_type_value == "STEP_OUTPUT"]
    return dict(event.step_output_data.metadata)


def records(value: Any) -> list[dict[str, Any]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def one_good_and_one_bad(zone: Zone) -> None:
    zone.put_orders("good", 1, 2)
    zone.put(order_key("bad"), b"{broken")
    zone.drain()


def test_a_run_shows_its_objects_those_that_failed_first(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    (job,) = ingest_jobs(zone.services.settings)
    (batch,) = zone.ledger.open_batches("landing")

    result = launch(job, "ingest", zone, {"batch_id": batch.batch_id})

    assert result.success
    bad, good = records(output_metadata(result, "ingest")["objects"])
    assert tuple(bad) == OBJECT_COLUMNS
    assert (bad["object"][-10:], bad["error_class"], bad["rows"]) == ("bad.ndjson", "unreadable", "")
    assert (good["object"][-11:], good["error_class"], good["rows"]) == ("good.ndjson", "", 2)


def test_history_is_a_table_with_counts(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    zone.ingest()

    metadata = output_metadata(launch(ledger_history, "history", zone, {"key": "*.ndjson"}), "history")

    found = records(metadata["objects"])
    assert tuple(found[0]) == HISTORY_COLUMNS
    assert {one["state"] for one in found} == {"committed", "failed"}
    assert metadata["counts"].value == {"committed": 1, "failed": 1}
    assert "committed" in found[0]["attempts"] + found[1]["attempts"]


@pytest.mark.parametrize("config", [{"state": "lost"}, {"since": "yesterday"}])
def test_history_refuses_what_it_does_not_know(zone: Zone, config: dict[str, Any]) -> None:
    assert not launch(ledger_history, "history", zone, config).success


def test_retry_puts_back_what_failed(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    zone.ingest()

    result = launch(ledger_retry, "retry", zone, {"table": "sales.orders"})

    metadata = output_metadata(result, "retry")
    assert metadata["objects"].value == 1
    assert "landing_sensor" in records(metadata["what"])[0]["what"]
    assert zone.ledger.waiting_objects("landing") == 1


@pytest.mark.parametrize("config", [{}, {"table": "sales.orders"}, {"object_uris": ["s3://b/k"]}])
def test_retry_fails_if_nothing_is_selected_or_matches(zone: Zone, config: dict[str, Any]) -> None:
    assert not launch(ledger_retry, "retry", zone, config).success


def test_replay_plans_what_has_rows_in_quarantine(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    zone.ingest()

    result = launch(ledger_replay, "replay", zone, {"table": "sales.orders"})

    metadata = output_metadata(result, "replay")
    assert {name: value.value for name, value in metadata.items()} == {
        "objects": 1, "rejected_rows": 1, "batches": 1,
    }  # fmt: skip
    (batch,) = zone.ledger.open_batches("landing")
    assert batch.kind == "replay"


@pytest.mark.parametrize("table", ["sales.orders", "sales.order"])
def test_replay_fails_if_nothing_matches(zone: Zone, table: str) -> None:
    assert not launch(ledger_replay, "replay", zone, {"table": table}).success


def test_prune_says_what_it_forgot(zone: Zone) -> None:
    metadata = output_metadata(launch(ledger_prune, "prune", zone, {"dry_run": True}), "prune")

    assert {name: value.value for name, value in metadata.items()} == {
        "messages": 0, "batches": 0, "object_versions": 0, "dry_run": True,
    }  # fmt: skip


def test_cells_are_text_that_shows_what_it_holds() -> None:
    table = record_table(("a", "b"), [{"a": "\x1b[2J\u202e<b>*x*</b>", "b": 2**60}, {"a": None, "b": 7}])

    assert records(table) == [
        {"a": "\\x1b[2J\\u202e<b>*x*</b>", "b": str(2**60)},
        {"a": "", "b": 7},
    ]
