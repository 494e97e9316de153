"""History, retry and pruning as jobs: what the web UI is given."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest_project.defs import jobs
from ingest_project.defs.jobs import OBJECT_COLUMNS, ingest_jobs
from ingest_project.defs.operations import (
    HISTORY_COLUMNS,
    ledger_dismiss,
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


def refused(result: dg.ExecuteInProcessResult, op: str) -> str:
    """The reason with which the run refuses a request, without failing."""
    assert result.success
    metadata = output_metadata(result, op)
    assert metadata.keys() == {"refused"}
    return str(metadata["refused"].value)


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
    assert (bad["object"][-10:], bad["why"][:11], bad["rows_added"]) == ("bad.ndjson", "unreadable:", "")
    assert (good["object"][-11:], good["why"], good["rows_added"]) == ("good.ndjson", "", 2)


def test_history_is_a_table_with_counts(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    zone.ingest()

    metadata = output_metadata(launch(ledger_history, "history", zone, {"key": "*.ndjson"}), "history")

    found = records(metadata["objects"])
    assert tuple(found[0]) == HISTORY_COLUMNS
    bad, good = sorted(found, key=lambda one: str(one["object"]))
    assert good["became"] == "committed, 2 rows"
    assert bad["became"].startswith("failed, unreadable: ")
    assert "s3://" not in bad["became"]  # the cell beside it has the object
    assert metadata["object_versions"].value == "committed 1, failed 1"
    assert "details" not in metadata


def test_history_tells_all_on_demand(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    zone.ingest()

    config = {"state": "committed", "details": True, "limit": 1}
    metadata = output_metadata(launch(ledger_history, "history", zone, config), "history")

    assert metadata["more"].value == "the newest 1 are shown; `limit` shows more"
    facts = {one["fact"]: one["value"] for one in records(metadata["details"])}
    assert facts["rows"] == 2
    assert facts["attempt"].endswith("committed")
    assert "why" not in facts


def test_history_of_a_batch_has_just_its_objects(zone: Zone) -> None:
    zone.put_orders("a", 1)
    first = zone.ingest_one().batch_id
    zone.put_orders("b", 2)
    zone.ingest_one()

    metadata = output_metadata(launch(ledger_history, "history", zone, {"batch_id": first}), "history")

    (only,) = records(metadata["objects"])
    assert only["object"].endswith("a.ndjson")


def test_list_of_objects_that_is_cut_says_so_and_how_to_see_the_rest(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SHOWN_OBJECTS", 1)
    one_good_and_one_bad(zone)
    (job,) = ingest_jobs(zone.services.settings)
    (batch,) = zone.ledger.open_batches("landing")

    metadata = output_metadata(launch(job, "ingest", zone, {"batch_id": batch.batch_id}), "ingest")

    (shown,) = records(metadata["objects"])
    assert shown["object"].endswith("bad.ndjson")
    assert metadata["objects_shown"].value == (
        f"1 of 2, those that failed first; `ingest history --batch {batch.batch_id} --limit 2` shows all"
    )


def test_run_counts_all_deleted_messages_of_its_batch(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    (batch,) = zone.ledger.open_batches("landing")
    zone.process(batch.batch_id)
    assert zone.acknowledge().deleted == 1  # as another run, or a tick, does in between
    (job,) = ingest_jobs(zone.services.settings)

    result = launch(job, "ingest", zone, {"batch_id": batch.batch_id})

    metadata = output_metadata(result, "acknowledge")
    assert (metadata["batch_messages"].value, metadata["batch_messages_deleted"].value) == (2, 1)


@pytest.mark.parametrize("job", [ledger_history, ledger_retry, ledger_dismiss, ledger_replay, ledger_prune])
def test_every_field_is_described_and_filled_in_by_the_launchpad(job: dg.JobDefinition) -> None:
    (op,) = job.nodes
    fields = op.definition.config_schema.config_type.fields  # type: ignore[union-attr]

    for name, one in fields["config"].fields.items() if "config" in fields else fields.items():
        assert one.description, name
        assert one.default_provided, name
        assert one.default_value is not None, name


@pytest.mark.parametrize("config", [{"state": "lost"}, {"since": "yesterday"}])
def test_history_refuses_what_it_does_not_know(zone: Zone, config: dict[str, Any]) -> None:
    assert refused(launch(ledger_history, "history", zone, config), "history").endswith(
        "descriptions of `state` and `since`."
    )


def test_retry_puts_back_what_failed(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    zone.ingest()

    result = launch(ledger_retry, "retry", zone, {"table": "sales.orders"})

    metadata = output_metadata(result, "retry")
    assert metadata["objects"].value == 1
    assert "landing_sensor" in records(metadata["what"])[0]["what"]
    assert zone.ledger.waiting_objects("landing") == 1


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "Say what to retry: object_uris, batch_id, error_class or table."),
        ({"table": "", "batch_id": None}, "Say what to retry: object_uris, batch_id, error_class or table."),
        (
            {"table": "sales.orders"},
            "No matching object version has failed, is parked, or waits for another try.",
        ),
        (
            {"object_uris": ["s3://b/k"]},
            "No matching object version has failed, is parked, or waits for another try.",
        ),
    ],
)
def test_retry_refuses_what_selects_or_matches_nothing(
    zone: Zone, config: dict[str, Any], reason: str
) -> None:
    assert refused(launch(ledger_retry, "retry", zone, config), "retry") == reason


def test_dismiss_settles_what_failed(zone: Zone) -> None:
    one_good_and_one_bad(zone)
    zone.ingest()

    metadata = output_metadata(
        launch(ledger_dismiss, "dismiss", zone, {"error_class": "unreadable"}), "dismiss"
    )

    assert metadata["objects"].value == 1
    assert "failed as unreadable is settled as skipped" in records(metadata["what"])[0]["what"]
    assert zone.acknowledge().deleted == 2


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "Say what to dismiss: object_uris, batch_id, error_class or table."),
        ({"table": "sales.orders"}, "No matching object version has failed or is parked."),
        ({"object_uris": ["s3://b/k"]}, "No matching object version has failed or is parked."),
    ],
)
def test_dismiss_refuses_what_selects_or_matches_nothing(
    zone: Zone, config: dict[str, Any], reason: str
) -> None:
    assert refused(launch(ledger_dismiss, "dismiss", zone, config), "dismiss") == reason


def test_replay_plans_what_has_rows_in_quarantine(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    zone.ingest()

    result = launch(ledger_replay, "replay", zone, {"table": "sales.orders"})

    metadata = output_metadata(result, "replay")
    assert {name: value.value for name, value in metadata.items()} == {
        "objects": 1, "bad_rows": 1, "batches": 1,
    }  # fmt: skip
    (batch,) = zone.ledger.open_batches("landing")
    assert batch.kind == "replay"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("sales.orders", "No matching object version of sales.orders has rows in quarantine."),
        ("sales.order", "Say which table's objects to read again: `table` is one of sales.orders."),
        ("", "Say which table's objects to read again: `table` is one of sales.orders."),
    ],
)
def test_replay_refuses_what_matches_nothing(zone: Zone, table: str, reason: str) -> None:
    assert refused(launch(ledger_replay, "replay", zone, {"table": table}), "replay") == reason


def test_prune_says_what_it_forgot(zone: Zone) -> None:
    metadata = output_metadata(launch(ledger_prune, "prune", zone, {"dry_run": True}), "prune")

    assert {name: value.value for name, value in metadata.items()} == {
        "messages": 0, "batches": 0, "object_versions": 0, "message_contents": 0, "jobs": 0, "dry_run": True,
    }  # fmt: skip


def test_cells_are_text_that_shows_what_it_holds() -> None:
    table = record_table(("a", "b"), [{"a": "\x1b[2J\u202e<b>*x*</b>", "b": 2**60}, {"a": None, "b": 7}])

    assert records(table) == [
        {"a": "\\x1b[2J\\u202e<b>*x*</b>", "b": str(2**60)},
        {"a": "", "b": 7},
    ]
