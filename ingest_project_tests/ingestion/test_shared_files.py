"""The objects of a batch share data files; one that fails leaves none of its rows in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingest_project.reading.format_options as options_module
from ingest_project.iceberg.open_file import OpenFile
from ingest_project.reading import portions
from ingest_project.reading.formats import record_cutter
from ingest_project.reading.limits import LIMITS, Limits, PieceLimits, PortionLimits
from ingest_project_tests.factories import Zone, order_key, orders
from ingest_project_tests.iceberg.readers import stored_files

IN_PIECES = PortionLimits(content_bytes=100, piece=PieceLimits(piece_bytes=100))
STEP = replace(LIMITS.step, chunk_bytes=100, row_bytes=1)
"""Orders are read a few at a time."""
BAD = b'{"order_id": "x"}\n'


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    limits = Limits(portion=IN_PIECES, step=STEP)
    monkeypatch.setattr(options_module, "limits_of", lambda _: limits)
    for module in (portions, record_cutter):
        monkeypatch.setattr(module, "LIMITS", limits)
    return Zone.create(tmp_path, aws)


def row_groups(zone: Zone) -> list[int]:
    return sorted(pq.ParquetFile(path).num_row_groups for path in stored_files(zone.lake_table()))


def test_objects_and_pieces_of_a_batch_are_in_one_file(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", *range(2, 30))
    zone.put_orders("c", 30)

    zone.ingest_one()

    zone.assert_exact(*range(1, 31))
    (groups,) = row_groups(zone)
    assert groups >= 5


def test_a_large_object_that_fails_half_way_leaves_the_others_complete(
    zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    zone = zone.declare(bad_rows="fail")
    zone.put_orders("a", 1)
    zone.put(order_key("b"), orders(*range(10, 40)) + BAD)
    zone.put_orders("c", 2, 3, 4)

    zone.ingest_one()

    zone.assert_exact(1, 2, 3, 4)
    assert zone.error_classes() == {order_key("b"): "schema"}
    assert sum("is written again" in one.message for one in caplog.records) == 1
    assert rows_of_files(zone) == [1, 2, 3, 4]


def rows_of_files(zone: Zone) -> list[int]:
    """The ids in all data files that there are, whether the table knows them or not."""
    found = [pl.read_parquet(path)["order_id"].to_list() for path in stored_files(zone.lake_table())]
    return sorted(one for ids in found for one in ids)


def test_a_large_object_with_too_many_bad_rows_takes_its_bad_rows_with_it(zone: Zone) -> None:
    zone = zone.declare(bad_rows="quarantine", max_bad_rows=1)
    zone.put_orders("a", 1)
    zone.put(order_key("b"), BAD + orders(*range(10, 40)) + BAD)
    zone.put(order_key("c"), orders(2) + BAD)

    zone.ingest_one()

    zone.assert_exact(1, 2)
    assert zone.error_classes() == {order_key("b"): "bad_rows"}
    assert [*zone.rejected()] == [order_key("c")]
    assert rows_of_files(zone) == [1, 2]


def test_columns_of_an_object_that_fails_half_way_are_not_added(zone: Zone) -> None:
    zone = zone.declare(bad_rows="fail", columns=None)
    zone.put_orders("a", 1)
    zone.put(order_key("b"), b'{"order_id": 5, "coupon": "X"}\n' * 20 + b"broken\n")
    zone.put_orders("c", 2)

    zone.ingest_one()

    zone.assert_exact(1, 2)
    assert zone.lake_table().columns == {"order_id": "long"}


def test_an_object_whose_rows_cannot_be_encoded_fails_alone(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a value caused a fault of PyArrow; no such value is known."""
    original = OpenFile.write

    def write(file: OpenFile, rows: pa.Table, part: Any) -> None:
        original(file, rows, part)
        if 13 not in part.of(rows)["order_id"].to_pylist():
            return

        def fail() -> None:
            raise pa.ArrowInvalid("13 is odd")

        file._last = file._after_last(fail)

    monkeypatch.setattr(OpenFile, "write", write)
    for name, order_id in {"a": 1, "b": 13, "c": 2}.items():
        zone.put_orders(name, order_id)

    result = zone.ingest_one()

    zone.assert_exact(1, 2)
    (failure,) = result.failures
    assert "13 is odd" in failure.reason
    assert rows_of_files(zone) == [1, 2]
