"""What Dagster loads: by way of a fresh process, as it does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from ingest_project.definitions import defs as lazy_definitions
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project_tests.e2e.shop import CLICKS, DEVICES, ORDERS
from ingest_project_tests.patience import PATIENCE_SECONDS

TOP = Path(__file__).parents[1]
TYPES: dict[str, Any] = ORDERS["columns"]  # type: ignore[assignment] # one of several kinds of values
HEAVY = ["polars", "pyiceberg", "pyarrow", "boto3", "obstore", "ingest_project.ledger.ledger"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose queue nobody answers, with a state that would be seen if anything opened it."""
    settings = {
        "ledger": {"url": "sqlite:///state/ledger.db"},
        "catalog": {"type": "sql", "uri": "sqlite:///state/catalog.db", "warehouse": "state/warehouse"},
        "queues": [
            {"name": "landing", "url": "http://127.0.0.1:9/1/landing"},
            {"name": "returns", "url": "http://127.0.0.1:9/1/returns", "enabled": False},
        ],
        "tables": [
            ORDERS | {"columns": {**TYPES, "order_id": {"type": "long", "description": "unique"}}},
            {**CLICKS, "queue": "returns", "rebuild_schedule": "15 3 * * *"},
            {**DEVICES, "partition": None, "columns": None},
        ],
    }
    path = tmp_path / "ingest.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def load() -> dg.Definitions:
    """The definitions, made again. @dg.definitions hides its function behind Dagster's own loader."""
    definitions = lazy_definitions.load_fn()  # type: ignore[attr-defined]
    assert isinstance(definitions, dg.Definitions)
    return definitions


def in_fresh_process(config: Path, code: str) -> object:
    """What the code prints, as JSON, in a process that has imported the definitions."""
    result = subprocess.run(
        [sys.executable, "-c", f"import json, sys\nfrom ingest_project.definitions import defs\n{code}"],
        env={"INGEST_CONFIG": str(config), "PATH": "/usr/bin:/bin"},
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    return json.loads(result.stdout)


def test_importing_the_definitions_loads_no_heavy_library_and_touches_no_file(config: Path) -> None:
    loaded = in_fresh_process(
        config, f"defs.load_fn(); print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )

    assert loaded == []
    assert [path.name for path in config.parent.iterdir()] == ["ingest.yaml"]


def test_queues_have_sensors_and_jobs_and_tables_have_assets(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_CONFIG", str(config))
    repository = load().get_repository_def()

    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert {name: sensor.default_status.value for name, sensor in sensors.items()} == {
        "landing_sensor": "RUNNING",
        "returns_sensor": "STOPPED",
        "landing_checks": "RUNNING",
        "returns_checks": "STOPPED",
        "ingest_alerts": "RUNNING",
        "ingest_object_alerts": "RUNNING",
    }
    assert [node.name for node in repository.get_job("landing_ingest").nodes_in_topological_order] == [
        "ingest",
        "acknowledge",
    ]
    schedules = {schedule.name for schedule in repository.schedule_defs}
    assert schedules == {"web_clicks_rebuild", "expire_snapshots"}
    tables = {dg.AssetKey(table.split("/")) for table in ("sales/orders", "web/clicks", "fleet/devices")}
    assert repository.asset_graph.get_all_asset_keys() >= tables


def test_loading_the_definitions_prints_no_warning(config: Path) -> None:
    code = "from ingest_project.definitions import defs; defs.load_fn().get_repository_def().get_all_jobs()"
    result = subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        env={**os.environ, "INGEST_CONFIG": str(config)}, capture_output=True, text=True, check=True,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip

    assert [line for line in result.stderr.splitlines() if "ingest_project" in line or "Beta" in line] == []


def test_table_asset_says_what_it_is(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_CONFIG", str(config))
    graph = load().get_repository_def().asset_graph
    orders = graph.get(dg.AssetKey(["sales", "orders"]))

    assert orders.kinds >= {"iceberg", "polars"}
    assert orders.group_name == "sales"
    assert orders.partitions_def is not None
    schema = orders.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    types = {column.name: column.type for column in schema.columns}
    described = {column.name for column in schema.columns if column.description}
    assert described == {"order_id", *PROVENANCE_COLUMNS}
    provenance = {name: types.pop(name) for name in PROVENANCE_COLUMNS}
    assert types == TYPES
    assert list(provenance.values()) == ["string", "string", "string", "timestamptz"]
