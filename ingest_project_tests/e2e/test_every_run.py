"""Every kind of run, once, in one deployment: each succeeds, and Dagster shows what it did."""

import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pytest
import yaml

from ingest_project_tests.databases import on_each_layout
from ingest_project_tests.e2e.shop import ORDERS, Shop, table
from ingest_project_tests.e2e.world import BIN, BUCKET, World, ndjson_gz
from ingest_project_tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.e2e, on_each_layout]

DAY, OTHER_DAY = "2026-11-01", "2026-11-02"
ASSET, QUARANTINE = (dg.AssetKey(["sales", name]) for name in ("orders", "orders__quarantine"))
FOREIGN_TIMES = {"type": "timestamptz", "format": ["iso", "%d.%m.%Y"], "timezone": "UTC"}
COLUMNS: dict[str, Any] = {name: ORDERS["columns"][name] for name in ("order_id", "customer_id", "amount")}  # type: ignore[index]
JOBS: dict[str, dict[str, object]] = {
    "ledger_history": {"history": {"limit": 10}},
    "ledger_dismiss": {"dismiss": {"table": "sales.orders"}},
    "ledger_prune": {"prune": {"dry_run": True}},
    "dlq_look": {"look_at_dlq": {"limit": 10}},
    "dlq_redrive": {"redrive": {"dry_run": True}},
    "table_checks": {},
}
ERROR_LEVEL = 40


def test_every_kind_of_run_ends_well_and_says_what_it_did(world: World) -> None:
    shop = Shop(world)
    shop.open(ORDERS)
    bad = put_times_that_nobody_reads(world)
    good = shop.put_orders(DAY, 0)
    world.start_daemon()
    world.wait_for(world.settled, name="ingesting")
    await_runs(world, {"landing_ingest": 1})
    assert materialized(world, ASSET) == {DAY: 1}
    assert materialized(world, QUARANTINE) == {None: 1}

    for job, config in JOBS.items():
        assert execute(world, job, config).returncode == 0
    assert verdicts(world) == {"bad_rows": False, "schema_drift": True, "row_count": True, "dlq_empty": True}

    read_foreign_times(world)
    assert execute(world, "ledger_replay", {"replay": {"table": "sales.orders"}}).returncode == 0
    await_runs(world, {"landing_ingest": 2})
    assert shop.found("sales.orders") == {f"s3://{BUCKET}/{good}": 20, f"s3://{BUCKET}/{bad}": 2}

    lost = shop.put_orders(OTHER_DAY, 1)
    world.s3.delete_object(Bucket=BUCKET, Key=lost)
    failed = "select 1 from object_versions where state = 'failed'"
    world.wait_for(lambda: bool(world.ledger(failed)), name="failing to read what is gone")
    shop.put_orders(OTHER_DAY, 2)
    assert execute(world, "ledger_retry", {"retry": {"table": "sales.orders"}}).returncode == 0
    assert world.materialize("sales/orders", OTHER_DAY).returncode == 0
    world.wait_for(lambda: materialized(world, ASSET)[OTHER_DAY] >= 1, name="the rebuild")

    assert jobs_that_ended_badly(world) == []
    assert errors_in_logs(world) == []


def put_times_that_nobody_reads(world: World) -> str:
    """An object of one good row, and one whose time the settings learn to read later."""
    row = {"order_id": 1, "customer_id": 1, "amount": "1.00"}
    key = f"orders/dt={DAY}/foreign.ndjson.gz"
    body = ndjson_gz([{**row, "ordered_at": f"{DAY}T10:00:00Z"}, {**row, "ordered_at": "01.11.2026"}])
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return key


def read_foreign_times(world: World) -> None:
    world.settings["tables"] = [table(ORDERS, columns={**COLUMNS, "ordered_at": FOREIGN_TIMES})]
    (world.home / "ingest.yaml").write_text(yaml.safe_dump(world.settings, sort_keys=False))


def execute(world: World, job: str, config: Mapping[str, object]) -> "subprocess.CompletedProcess[str]":
    """`dagster job execute`, as a person would type it."""
    given = world.home / f"{job}.yaml"
    given.write_text(yaml.safe_dump({"ops": {name: {"config": one} for name, one in config.items()}}))
    command = ("job", "execute", "-m", "ingest_project.definitions", "-j", job, "-c", given)
    return subprocess.run(
        [BIN / "dagster", *command], cwd=world.home, env={**os.environ, **world.environment},
        capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip


def await_runs(world: World, wanted: dict[str, int]) -> None:
    """Wait until so many runs of these jobs have succeeded."""

    def are_done() -> bool:
        with world.instance() as instance:
            done = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
        return Counter(run.job_name for run in done) >= Counter(wanted)

    world.wait_for(are_done, name=f"the end of {wanted}")


def materialized(world: World, asset: dg.AssetKey) -> Counter[str | None]:
    """How often each partition of the asset was materialized."""
    with world.instance() as instance:
        records = instance.fetch_materializations(asset, 100).records
    return Counter(
        record.asset_materialization.partition for record in records if record.asset_materialization
    )


def verdicts(world: World) -> dict[str, bool]:
    """The last verdict of each check."""
    with world.instance() as instance:
        keys = [
            dg.AssetCheckKey(ASSET, name) for name in ("bad_rows", "schema_drift", "row_count", "dlq_empty")
        ]
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {key.name: record.evaluation.passed for key, record in records.items() if record.evaluation}


def jobs_that_ended_badly(world: World) -> list[str]:
    with world.instance() as instance:
        return [
            f"{run.job_name} {run.status}"
            for run in instance.get_runs()
            if run.is_finished and not run.is_success
        ]


def errors_in_logs(world: World) -> list[str]:
    """The lines at the level of an error in the logs of all runs."""
    with world.instance() as instance:
        entries = [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    return [entry.message for entry in entries if int(entry.level) >= ERROR_LEVEL]
