"""What a batch's end tells Dagster is of the types that it promises, with the ledger on each database."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from ingest_project.ingestion.process import BatchResult
from ingest_project_tests import databases
from ingest_project_tests.defs.factories import ingest
from ingest_project_tests.factories import DAY, Zone, order_key, orders, orders_table
from ingest_project_tests.typed_results import Seen, WatchedLedger, assert_typed, fields_within

DAILY = {"every": "day", "start": "2026-01-01", "pattern": "dt=(?P<partition>[0-9-]{10})"}


@pytest.fixture(params=["sqlite", "postgres"])
def zone(request: pytest.FixtureRequest, aws: str, tmp_path: Path) -> Iterator[Zone]:
    """A zone whose ledger looks at each of its own answers."""
    if request.param == "postgres" and databases.SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{databases.SERVER_VARIABLE} is not set")
    made = databases.postgres() if request.param == "postgres" else databases.sqlite(tmp_path)
    opened = Zone.create(tmp_path, aws, orders_table(partition=DAILY))
    opened.landing.write(tables=[orders_table(partition=DAILY)], ledger={"url": made.ledger_url})
    opened = opened.restarted()
    opened.services.ledger = WatchedLedger(made.ledger_url)
    yield opened
    opened.ledger.close()
    made.close()


def land(zone: Zone, name: str) -> None:
    """An object with a new column and a bad row, and one that cannot be read."""
    zone.put(
        order_key(name),
        orders(1, 2) + b'{"order_id": 3, "note": "%s"}\nnot JSON\n' % uuid4().bytes.hex().encode(),
    )
    zone.put(order_key(f"{name}-broken"), b"\x1f\x8b no gzip")


def test_result_of_a_batch_is_of_its_types_in_every_field(zone: Zone) -> None:
    seen: Seen = {}

    for _ in range(2):  # the second write replaces the rows of the first
        land(zone, "a")
        assert_typed(zone.ingest_one(), BatchResult, "the result", seen)
    zone.delete(order_key("a-broken"))  # which has failed: the rebuild settles that
    assert_typed(zone.rebuild(), BatchResult, "the rebuild", seen)

    empty = {field for field in fields_within(BatchResult) if not seen.get(field)}
    assert empty <= {"FailedObject.on_error"}


def test_run_with_each_kind_of_event_succeeds(zone: Zone, instance: dg.DagsterInstance) -> None:
    for name in ("a", "b"):
        land(zone, name)
        assert ingest(zone, instance).success

    key = dg.AssetKey(["sales", "orders"])
    records = instance.fetch_materializations(key, 10).records
    found = [record.asset_materialization for record in records]
    assert [event.partition for event in found if event] == [DAY, DAY]
    checks = [dg.AssetCheckKey(key, name) for name in ("bad_rows", "schema_drift")]
    made = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    assert [record.evaluation.passed for record in made.values() if record.evaluation] == [False, False]
