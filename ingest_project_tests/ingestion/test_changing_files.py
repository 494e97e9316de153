"""Files whose columns change: mapped, added, widened, rescued or refused, and what the table then holds."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest_project_tests.factories import ORDERS, Zone, order_key
from ingest_project_tests.iceberg.readers import rows_by_clickhouse

PROVENANCE = ["_source_uri", "_source_version", "_batch_id", "_ingested_at"]


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def own_rows(zone: Zone, by: str = "order_id") -> list[dict[str, Any]]:
    """The table's rows without their provenance, as Polars finds them; ClickHouse must count the same."""
    found = zone.rows().sort(by)
    assert len(rows_by_clickhouse(zone.lake_table())) == found.height
    return found.drop(PROVENANCE).to_dicts()


def test_old_and_new_files_in_one_batch_get_the_columns_of_both(zone: Zone) -> None:
    zone.put(order_key("old"), lines({"order_id": 1}))
    zone.put(order_key("new"), lines({"order_id": 2, "coupon": "X", "place": {"zip": "1"}}))
    zone.put(order_key("newer"), lines({"order_id": 3, "place": {"zip": "2", "town": "B"}}))

    result = zone.ingest_one()

    assert own_rows(zone) == [
        {"order_id": 1, "coupon": None, "place": None},
        {"order_id": 2, "coupon": "X", "place": {"zip": "1", "town": None}},
        {"order_id": 3, "coupon": None, "place": {"zip": "2", "town": "B"}},
    ]
    assert result.new_columns == {"coupon": "string", "place": "struct<zip: string, town: string>"}
    assert zone.snapshots() == 1


def test_column_that_files_lack_is_null_and_stays(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "coupon": "string"})
    zone.put(order_key("a"), lines({"order_id": 1, "coupon": "X"}))
    zone.ingest_one()
    zone.put(order_key("b"), lines({"order_id": 2}))

    result = zone.ingest_one()

    assert own_rows(zone) == [{"order_id": 1, "coupon": "X"}, {"order_id": 2, "coupon": None}]
    assert result.new_columns == {}


def test_field_that_a_later_file_adds_to_an_object_is_added_to_its_column(zone: Zone) -> None:
    zone.put(order_key("a"), lines({"order_id": 1, "place": {"zip": "1"}}))
    zone.ingest_one()
    zone.put(order_key("b"), lines({"order_id": 2, "place": {"town": "B"}}))

    zone.ingest_one()

    assert [row["place"] for row in own_rows(zone)] == [
        {"zip": "1", "town": None},
        {"zip": None, "town": "B"},
    ]


def test_column_is_widened_where_nobody_declared_it(zone: Zone) -> None:
    zone = zone.declare(format="parquet", columns=None)
    zone.put(
        order_key("a"),
        parquet(pl.DataFrame({"order_id": [1], "n": [7]}, schema={"order_id": pl.Int64, "n": pl.Int32})),
    )
    zone.ingest_one()
    assert zone.lake_table().columns["n"] == "int"
    zone.put(order_key("b"), parquet(pl.DataFrame({"order_id": [2], "n": [2**40]})))
    zone.put(order_key("c"), parquet(pl.DataFrame({"order_id": [3], "n": [5]})))

    result = zone.ingest_one()

    assert result.new_columns == {"n": "long"}
    assert [row["n"] for row in own_rows(zone)] == [7, 2**40, 5]
    assert zone.rejected() == {}


def test_description_of_a_column_comes_with_the_rows_and_is_told(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone = zone.declare(columns={"order_id": {"type": "long", "description": "unique"}})
    zone.put_orders("b", 2)

    result = zone.ingest_one()

    assert result.column_docs["order_id"] == "unique"
    assert result.new_columns == {}
    assert zone.lake_table().column_docs["order_id"] == "unique"


def test_declared_column_keeps_its_type(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "n": "int"})
    zone.put(order_key("a"), lines({"order_id": 1, "n": 7}, {"order_id": 2, "n": 2**40}))

    zone.ingest_one()

    assert zone.lake_table().columns["n"] == "int"
    assert [row["n"] for row in own_rows(zone)] == [7]
    assert zone.rejected() == {order_key("a"): [f"column 'n': {2**40} is not a valid int"]}


def test_columns_are_renamed_cast_filled_computed_and_dropped(zone: Zone) -> None:
    zone = zone.declare(
        columns={
            "order_id": {"type": "long", "from": "Order ID", "required": True},
            "price": "decimal(12,2)",
            "quantity": {"type": "int", "default": 1},
            "total": {"type": "decimal(14,2)", "sql": "price * quantity"},
            "zip": {"type": "string", "from": "customer.address.zip"},
            "at": {
                "type": "timestamptz",
                "format": ["%d.%m.%Y %H:%M", "epoch_s"],
                "timezone": "Europe/Berlin",
            },
            "rate": {"type": "double", "drop": True},
            "is_vip": {"type": "boolean", "sql": "rate > 0.5"},
            "customer": {"drop": True},
        },
        expectations={"price_is_positive": "price > 0"},
    )
    zone.put(
        order_key("a"),
        lines(
            {
                "Order ID": 1, "price": 2.50, "quantity": 3, "rate": 0.7, "at": "20.11.2026 12:00",
                "customer": {"address": {"zip": "00501"}},
            },
            {"Order ID": 2, "price": 12345678.25, "at": 1_700_000_000},
            {"Order ID": None, "price": 1},
            {"Order ID": 4, "price": -1},
            {"Order ID": 5, "price": "cheap"},
        ),
    )  # fmt: skip

    zone.ingest_one()

    assert own_rows(zone) == [
        {
            "order_id": 1, "price": Decimal("2.50"), "quantity": 3, "total": Decimal("7.50"), "zip": "00501",
            "at": datetime(2026, 11, 20, 11, tzinfo=UTC), "is_vip": True,
        },
        {
            "order_id": 2, "price": Decimal("12345678.25"), "quantity": 1, "total": Decimal("12345678.25"),
            "zip": None, "at": datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), "is_vip": None,
        },
    ]  # fmt: skip
    assert zone.rejected() == {
        order_key("a"): [
            "column 'order_id': is null, and the column is required",
            "expectation 'price_is_positive' does not hold: price > 0",
            "column 'price': 'cheap' is not a valid decimal(12,2)",
        ]
    }
    assert zone.quarantined()["line_number"].to_list() == [3, 4, 5]


def test_rescue_keeps_what_has_no_column_and_what_does_not_fit_as_json(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "n": "int"}, schema_evolution="rescue")
    zone.put(
        order_key("a"),
        lines({"order_id": 1, "n": 7})
        + b'{"order_id": 2, "n": "many", "extra": {"x": 12345678901234567890.123}, "k": null}\n'
        + b'{"order_id": "three", "flag": true}\nnot JSON\n',
    )

    zone.ingest_one()

    rows = own_rows(zone, by="n")
    rescued = {row["order_id"]: row["_rescued_data"] for row in rows}
    assert rescued == {
        1: None,
        2: '{"n": "many", "extra": {"x": 12345678901234567890.123}}',
        None: '{"order_id": "three", "flag": true}',
    }
    assert [row["n"] for row in rows if row["order_id"] == 2] == [None]
    assert zone.lake_table().columns == {"order_id": "long", "n": "int", "_rescued_data": "string"}
    assert zone.quarantined()["raw"].to_list() == ["not JSON"]


def test_rescue_of_csv_and_parquet(zone: Zone) -> None:
    zone = zone.declare(format="csv", columns={"order_id": "long", "n": "int"}, schema_evolution="rescue")
    zone.put(order_key("a"), b"order_id,n,extra\n1,7,\n2,many,00501\n")
    zone.ingest_one()

    assert {row["order_id"]: row["_rescued_data"] for row in own_rows(zone)} == {
        1: None,
        2: '{"n": "many", "extra": "00501"}',
    }
    zone = zone.declare(format="parquet", columns={"order_id": "long", "n": "int"}, schema_evolution="rescue")
    frame = pl.DataFrame(
        {"order_id": [3], "n": [2**40], "at": [datetime(2026, 1, 1, tzinfo=UTC)], "price": [Decimal("1.50")]}
    )
    zone.put(order_key("b"), parquet(frame))
    zone.ingest_one()

    (last,) = [row["_rescued_data"] for row in own_rows(zone) if row["order_id"] == 3]
    assert json.loads(last) == {"n": 2**40, "at": "2026-01-01T00:00:00+00:00", "price": "1.50"}


def test_with_fail_an_object_with_a_new_column_fails_whole(zone: Zone) -> None:
    zone = zone.declare(schema_evolution="fail")
    zone.put(order_key("a"), lines({"order_id": 1}, {"order_id": 2, "coupon": "X"}))
    zone.put_orders("b", 3)

    zone.ingest_one()

    zone.assert_exact(3)
    assert zone.error_classes() == {order_key("a"): "schema"}
    assert zone.lake_table().columns == {"order_id": "long"}


@pytest.mark.parametrize("evolution", ["add_columns", "rescue"])
@pytest.mark.parametrize("name", ["ORDER_ID", "_Batch_Id", "_rescued_data", " ", "a\tb"])
def test_name_that_a_table_cannot_have_beside_its_own_is_refused_or_rescued(
    zone: Zone, evolution: str, name: str
) -> None:
    zone = zone.declare(schema_evolution=evolution)
    zone.put(order_key("a"), lines({"order_id": 1, name: "x"}))
    zone.put_orders("b", 2)

    zone.ingest_one()

    if evolution == "rescue":
        assert {row["order_id"]: row["_rescued_data"] for row in own_rows(zone)} == {
            1: json.dumps({name: "x"}),
            2: None,
        }
    else:
        zone.assert_exact(2)
        assert zone.error_classes() == {order_key("a"): "schema"}


def test_renamed_clash_comes_in(zone: Zone) -> None:
    zone = zone.declare(columns={"order_id": "long", "legacy_id": {"type": "string", "from": "ORDER_ID"}})
    zone.put(order_key("a"), lines({"order_id": 1, "ORDER_ID": "x", "a.b": 1}))

    zone.ingest_one()

    assert own_rows(zone) == [{"order_id": 1, "legacy_id": "x", "a.b": 1}]
    assert zone.lake_table(ORDERS).columns["a.b"] == "long"


def test_table_that_exists_is_given_the_column_of_what_is_rescued(zone: Zone) -> None:
    zone.put(order_key("a"), lines({"order_id": 1}))
    zone.ingest_one()
    zone = zone.declare(schema_evolution="rescue")
    zone.put(order_key("b"), lines({"order_id": 2, "coupon": "X"}))

    zone.ingest_one()

    assert {row["order_id"]: row["_rescued_data"] for row in own_rows(zone)} == {
        1: None,
        2: '{"coupon": "X"}',
    }


def test_rescue_without_declared_columns_takes_the_columns_of_the_first_files(zone: Zone) -> None:
    zone = zone.declare(columns=None, schema_evolution="rescue")
    zone.put(order_key("a"), lines({"order_id": 1, "note": "x"}))
    zone.ingest_one()
    zone.put(order_key("b"), lines({"order_id": 2, "coupon": "X"}))

    zone.ingest_one()

    assert own_rows(zone) == [
        {"order_id": 1, "note": "x", "_rescued_data": None},
        {"order_id": 2, "note": None, "_rescued_data": '{"coupon": "X"}'},
    ]


def test_path_is_read_row_by_row_whatever_other_rows_hold(zone: Zone) -> None:
    columns = {"order_id": "long", "x": {"type": "long", "from": "a.b"}, "a": {"drop": True}}
    zone = zone.declare(columns=columns)
    zone.put(order_key("good"), lines({"order_id": 1, "a": {"b": 2}}))
    zone.put(
        order_key("odd"), lines({"order_id": 2, "a": 7}, {"order_id": 3, "a": "x"}, {"order_id": 4, "a": [1]})
    )
    zone.put(
        order_key("literal"), lines({"order_id": 5, "a.b": 9}, {"order_id": 6, "a.b": None, "a": {"b": 8}})
    )

    zone.ingest_one()

    assert {row["order_id"]: row["x"] for row in own_rows(zone)} == {
        1: 2,
        2: None,
        3: None,
        4: None,
        5: 9,
        6: 8,
    }
    assert zone.rejected() == {}


def test_numbers_of_an_expression_do_not_wrap_around(zone: Zone) -> None:
    zone = zone.declare(
        columns={
            "order_id": "int",
            "squared": {"type": "long", "sql": "order_id * order_id"},
            "negative": {"type": "int", "sql": "-order_id"},
        }
    )
    zone.put(order_key("a"), lines({"order_id": 100_000}, {"order_id": -(2**31)}))

    zone.ingest_one()

    assert own_rows(zone) == [{"order_id": 100_000, "squared": 10**10, "negative": -100_000}]
    assert zone.rejected() == {order_key("a"): [f"column 'negative': {2**31} is not a valid int"]}


def test_file_of_other_columns_only_is_no_file_of_the_table(zone: Zone) -> None:
    zone = zone.declare(format="csv", columns={"order_id": "long", "note": "string"})
    zone.put(order_key("a"), b"order_id;note\n1;x\n")
    zone.put(order_key("b"), b"order_id,note\r2,x\r")
    zone.put(order_key("c"), b"order_id,note\n3,x\n")

    zone.ingest_one()

    zone.assert_exact(2, 3)
    assert zone.error_classes() == {order_key("a"): "unreadable"}


def test_field_named_like_a_partition_field_fails_its_object_alone(zone: Zone) -> None:
    columns = {"order_id": "long", "ts": "timestamptz"}
    zone = zone.declare(columns=columns, partition_spec=["day(ts)"])
    zone.put(order_key("a"), lines({"order_id": 1, "ts": "2026-11-20T00:00:00Z"}))
    zone.ingest_one()
    zone.put(order_key("b"), lines({"order_id": 2, "ts_day": 1}))
    zone.put(order_key("c"), lines({"order_id": 3}))

    zone.ingest_one()

    zone.assert_exact(1, 3)
    assert zone.error_classes() == {order_key("b"): "schema"}
