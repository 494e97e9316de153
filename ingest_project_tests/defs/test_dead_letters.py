"""The jobs on dead-letter queues: what the web UI is given."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingest_project.defs.dead_letters import LETTER_COLUMNS, REDRIVE_COLUMNS, dlq_look, dlq_redrive
from ingest_project.sources.sqs.message import EntryResults
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.defs.test_operations import launch, output_metadata, records, refused
from ingest_project_tests.factories import Zone, order_key
from ingest_project_tests.ingestion.dead_letters.worlds import letters_of, one_receive, to_dlq


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    """A zone whose DLQ has a broken file, and one that is ingested."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.setattr("ingest_project.ingestion.dead_letters.held_messages.RECEIVE_SECONDS", 1)
    zone = Zone.create(tmp_path, aws)
    one_receive(zone)
    zone.put(order_key("bad"), b"{broken")
    zone.put_orders("good", 1)
    zone.ingest()
    to_dlq(zone)
    return zone


def test_look_is_a_table_and_consumes_nothing(zone: Zone) -> None:
    metadata = output_metadata(launch(dlq_look, "look_at_dlq", zone, {}), "look_at_dlq")

    assert (metadata["messages"].value, metadata["shown"].value) == (2, 2)
    shown = {one["what"].rpartition("/")[2]: one for one in records(metadata["letters"])}
    assert tuple(shown["bad.ndjson"]) == LETTER_COLUMNS
    assert shown["bad.ndjson"]["why"].startswith("unreadable: ")
    assert shown["good.ndjson"]["why"] == "ingested already: committed"
    assert letters_of(zone).dlq.attributes().visible == 2


def test_redrive_only_counts_until_dry_run_is_false(zone: Zone) -> None:
    metadata = output_metadata(launch(dlq_redrive, "redrive", zone, {}), "redrive")
    assert (metadata["moved"].value, metadata["already_ingested"].value) == (1, 1)
    assert metadata["dry_run"].value is True
    assert letters_of(zone).dlq.attributes().visible == 2

    config = {"dry_run": False, "objects": ["orders/*/bad*"], "queue": "landing", "rate": 50.0}
    metadata = output_metadata(launch(dlq_redrive, "redrive", zone, config), "redrive")

    (record,) = records(metadata["queues"])
    assert tuple(record) == REDRIVE_COLUMNS
    assert (record["moved"], record["kept"], record["refused"]) == (1, 1, 0)
    assert zone.queue.attributes().visible == 1


def test_redrive_that_leaves_wanted_messages_fails_and_says_which(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "delete", lambda *_: EntryResults((), ()))

    result = launch(dlq_redrive, "redrive", zone, {"dry_run": False})

    assert not result.success
    (event,) = [one for one in result.events_for_node("redrive") if one.event_type_value == "STEP_FAILURE"]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert "2 messages could not be deleted from the DLQ; run it again." in str(failure.description)
    assert failure.metadata["moved"].value == 1


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"queue": "yours"}, "`queue` is one of landing."),
        ({"older_than": "soon"}, "`older_than` is not a length of time"),
        ({"error_class": "missng"}, "`error_class` is one of "),
    ],
)
@pytest.mark.parametrize(("job", "op"), [(dlq_look, "look_at_dlq"), (dlq_redrive, "redrive")])
def test_what_is_mistyped_is_refused_without_failing(
    job: dg.JobDefinition, op: str, zone: Zone, config: dict[str, Any], reason: str
) -> None:
    assert refused(launch(job, op, zone, config), op).startswith(reason)


@pytest.mark.parametrize("job", [dlq_look, dlq_redrive])
def test_every_field_is_described_and_filled_in_by_the_launchpad(job: dg.JobDefinition) -> None:
    (op,) = job.nodes
    fields = op.definition.config_schema.config_type.fields  # type: ignore[union-attr]

    for name, one in fields["config"].fields.items() if "config" in fields else fields.items():
        assert one.description, name
        assert one.default_provided, name
        assert one.default_value is not None, name
