"""Columns whose values are in the keys of the objects, from S3 to the table."""

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from ingest_project.ledger.tables import object_versions
from ingest_project_tests.factories import DAY, ORDERS, Zone, orders
from ingest_project_tests.landing import BUCKET

REGION = {"type": "string", "from_key": "region=([^/]+)/"}
NULL = "__HIVE_DEFAULT_PARTITION__"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def key(folder: str, name: str = "a.ndjson") -> str:
    return f"orders/{folder}/dt={DAY}/{name}"


def found(zone: Zone, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(zone.rows().select(*columns).iter_rows(), key=str)


def test_values_of_keys_are_columns_of_each_object_s_rows(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "region": REGION})
    zone.put(key("region=eu%20west%2F1"), orders(1, 2))
    zone.put(key(f"region={NULL}"), orders(3))
    zone.put(key("elsewhere"), orders(4))
    zone.put(key("region=us"), orders(5))

    zone.ingest_one()

    assert found(zone, "order_id", "region") == [
        (1, "eu west/1"), (2, "eu west/1"), (3, None), (4, None), (5, "us")
    ]  # fmt: skip


def test_values_of_keys_are_of_the_column_s_type(zone: Zone) -> None:
    columns = {
        "order_id": "long",
        "day": {"type": "date", "from_key": "dt=([^/]+)"},
        "shop": {"type": "int", "from_key": "/(shop|store)=(?P<value>[0-9]+)/"},
        "at": {
            "type": "timestamptz",
            "from_key": "ts=([^/]+)/",
            "format": "%Y%m%d%H%M",
            "timezone": "Europe/Berlin",
        },
        "code": {"type": "string", "from_key": "code=([^/]*)/", "default": "none"},
        "hidden": {"type": "int", "from_key": "shop=([0-9]+)", "drop": True},
        "twice": {"type": "int", "sql": "hidden * 2"},
    }
    zone = zone.declare(columns=columns)
    zone.put(key("shop=7/ts=202611201400"), orders(1))

    zone.ingest_one()

    at = datetime(2026, 11, 20, 13, tzinfo=UTC)
    assert found(zone, "order_id", "day", "shop", "at", "code", "twice") == [
        (1, date.fromisoformat(DAY), 7, at, "none", 14)
    ]
    assert "hidden" not in zone.lake_table(ORDERS).columns


@pytest.mark.parametrize(
    ("folder", "column", "reason"),
    [
        ("elsewhere", {"type": "string", "required": True}, "finds no value in the key"),
        (f"region={NULL}", {"type": "string", "required": True}, "finds no value in the key"),
        ("region=eu", {"type": "int"}, "finds 'eu' in the key, which is not a value of type int"),
        ("region=%FF", {"type": "string"}, "percent-encoded bytes that are not UTF-8"),
    ],
)
def test_an_object_whose_key_has_no_such_value_fails_alone(
    zone: Zone, folder: str, column: dict[str, Any], reason: str
) -> None:
    zone = zone.declare(columns={"order_id": "long", "region": {**column, "from_key": "region=([^/]+)/"}})
    zone.put(key(folder), orders(1))
    zone.put(key("region=7"), orders(2))

    zone.ingest_one()

    assert found(zone, "order_id") == [(2,)]
    assert zone.error_classes() == {key(folder): "schema"}
    failed = object_versions.c.key == key(folder)
    assert reason in zone.select(sa.select(object_versions.c.reason).where(failed))[0][0]


def test_a_value_of_another_type_is_rescued(zone: Zone) -> None:
    zone = zone.declare(
        columns={"order_id": "long", "region": {"type": "int", "from_key": "region=([^/]+)/"}},
        schema_evolution="rescue",
    )
    zone.put(key("region=7"), orders(1))
    zone.ingest_one()
    zone.put(key("region=eu"), orders(2))
    zone.ingest_one()

    assert found(zone, "order_id", "region", "_rescued_data") == [(1, 7, None), (2, None, '{"region": "eu"}')]


def test_bad_rows_take_no_key_from_their_neighbours(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "region": REGION})
    zone.put(key("region=eu"), orders(1) + b"no json\n" + orders(2))
    zone.put(key("region=us"), b'{"order_id": "x"}\n' + orders(3))

    zone.ingest_one()

    assert found(zone, "order_id", "region") == [(1, "eu"), (2, "eu"), (3, "us")]


@pytest.mark.parametrize("format_name", ["parquet", "csv", "json", "text"])
def test_values_of_keys_come_with_all_formats(zone: Zone, format_name: str) -> None:
    columns: dict[str, Any] = {"order_id": "long", "region": REGION}
    if format_name == "text":
        columns = {
            "order_id": {"type": "long", "from": "line_number"},
            "region": REGION,
            "line": {"drop": True},
        }
    zone = zone.declare(columns=columns, format=format_name, suffix="")
    buffer = io.BytesIO()
    pl.DataFrame({"order_id": [1]}).write_parquet(buffer)
    body = {
        "parquet": buffer.getvalue(),
        "csv": b"order_id\n1\n",
        "json": b'[{"order_id": 1}]',
        "text": b"x\n",
    }[format_name]
    zone.put(key("region=eu", "a"), body)
    zone.put(key("region=us", "a"), body)

    zone.ingest_one()

    assert found(zone, "order_id", "region") == [(1, "eu"), (1, "us")]


def test_csv_without_a_header_has_no_field_for_a_value_of_the_key(zone: Zone) -> None:
    columns = {"order_id": "long", "region": REGION, "text": "string"}
    zone = zone.declare(columns=columns, format="csv", csv={"header": False}, suffix="")
    zone.put(key("region=eu", "a.csv"), b"1,x\n")

    zone.ingest_one()

    assert found(zone, "order_id", "region", "text") == [(1, "eu", "x")]


def test_a_rebuild_and_a_replay_give_the_same_values(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "region": REGION})
    zone.put(key("region=eu"), orders(1))
    zone.ingest_one()

    zone.rebuild()

    assert found(zone, "order_id", "region") == [(1, "eu")]
    assert zone.rows()["_source_uri"].to_list() == [f"s3://{BUCKET}/{key('region=eu')}"]


def test_a_field_of_the_column_s_name_is_told_to_be_named(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "region": REGION})
    zone.put(key("region=eu"), b'{"order_id": 1, "region": "other"}\n')
    zone.ingest_one()
    assert zone.error_classes() == {key("region=eu"): "schema"}

    zone = zone.declare(columns={"order_id": "long", "region": REGION, "x": {"drop": True, "from": "region"}})
    zone.put(key("region=us"), b'{"order_id": 2, "region": "other"}\n')
    zone.ingest_one()

    assert found(zone, "order_id", "region") == [(2, "us")]
