"""The job that expires snapshots, what it tells Dagster, and its schedules."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import pytest
from pyiceberg.io.pyarrow import PyArrowFileIO

from ingest_project.defs.expire import expire_schedules, expire_snapshots
from ingest_project_tests.defs.test_operations import launch, output_metadata, refused
from ingest_project_tests.factories import ORDERS, Zone, order_key, orders_table

ALL = {"keep": 1, "min_age": "0s"}


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def launched(zone: Zone, **config: Any) -> dg.ExecuteInProcessResult:
    return launch(expire_snapshots, "expire", zone, config)


def observations(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """The metadata of each observed asset."""
    events = [one for one in result.all_events if one.event_type_value == "ASSET_OBSERVATION"]
    found = [one.asset_observation_data.asset_observation for one in events]
    return {
        one.asset_key.to_user_string(): {key: value.value for key, value in one.metadata.items()}
        for one in found
    }


def test_what_went_is_an_observation_of_the_table_and_of_its_quarantine(zone: Zone) -> None:
    for number in range(2):
        zone.put(order_key("a"), b'{"order_id": %d}\n{"order_id": "x"}\n' % number)
        zone.ingest_one()

    result = launched(zone, tables=[ORDERS], **ALL)

    assert result.success
    found = observations(result)
    assert found.keys() == {"sales/orders", "sales/orders__quarantine"}
    told = found["sales/orders"]
    assert (told["snapshots_expired"], told["snapshots_kept"], told["data_files_deleted"]) == (1, 1, 1)
    assert (told["files_deleted"], told["manifest_lists_deleted"]) == (3, 1)
    assert told["bytes_deleted"] > 0
    assert told["newest_kept"] == told["oldest_kept"] > 0
    assert output_metadata(result, "expire")["failed"].value == 0
    assert (zone.snapshots(), zone.order_ids()) == (1, [1])


def test_dry_run_observes_nothing(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put_orders("b", 2)
    zone.ingest_one()

    assert observations(launched(zone, dry_run=True, **ALL)) == {}
    assert zone.snapshots() == 2


def test_job_refuses_what_it_cannot_read(zone: Zone) -> None:
    assert "`tables` are of sales.orders" in refused(launched(zone, tables=["none"]), "expire")
    assert "`min_age` is not a length" in refused(launched(zone, min_age="old"), "expire")


def test_table_that_fails_fails_the_run_after_the_others(aws: str, tmp_path: Path) -> None:
    zone = Zone.create(tmp_path, aws, orders_table(), orders_table(name="sales.more", prefix="more/"))
    for name in ("orders", "more"):
        for order_id in (1, 2):
            zone.put(f"{name}/dt=2026-11-20/a.ndjson", b'{"order_id": %d}\n' % order_id)
            zone.ingest_one()
    delete = PyArrowFileIO.delete

    def refuse(storage: PyArrowFileIO, location: str) -> None:
        if "orders" in location.split("warehouse")[1]:
            raise PermissionError("AccessDenied")
        delete(storage, location)

    with patch.object(PyArrowFileIO, "delete", refuse), dg.DagsterInstance.ephemeral() as instance:
        result = expire_snapshots.execute_in_process(
            run_config={"ops": {"expire": {"config": ALL}}}, resources={"services": zone.services},
            instance=instance, raise_on_error=False,
        )  # fmt: skip
        observed = [
            name
            for name in ("orders", "more")
            if instance.fetch_observations(dg.AssetKey(["sales", name]), limit=1).records
        ]

    assert (result.success, observed) == (False, ["more"])


def test_tables_share_a_schedule_unless_they_have_their_own(zone: Zone) -> None:
    def named(name: str, **changes: Any) -> dict[str, Any]:
        return orders_table(name=name, prefix=f"{name}/", **changes)

    zone.landing.write(
        tables=[
            named("a.a"), named("b.b", expire={"keep": 5}), named("c.c", expire={"every": "0 * * * *"}),
            named("d.d", expire=None),
        ]
    )  # fmt: skip
    shared, own = expire_schedules(zone.restarted().services.settings)
    assert (shared.name, shared.cron_schedule) == ("expire_snapshots", "30 3 * * *")
    assert (own.name, own.cron_schedule) == ("c_c_expire", "0 * * * *")

    with dg.instance_for_test() as instance:
        at = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
        tick = shared.evaluate_tick(dg.build_schedule_context(instance=instance, scheduled_execution_time=at))

    (request,) = tick.run_requests or ()
    assert request.run_config["ops"]["expire"]["config"] == {"tables": ["a.a", "b.b"]}
