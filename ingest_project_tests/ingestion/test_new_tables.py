"""A table whose columns are not declared: created from the first rows, with their commit, or not at all."""

from pathlib import Path

import pytest

from ingest_project.reading import format_options as options_module
from ingest_project.reading import portions
from ingest_project.reading.limits import Limits, PieceLimits, PortionLimits, StepLimits
from ingest_project_tests.factories import ORDERS, Zone, order_key
from ingest_project_tests.iceberg.readers import stored_files

WITH_REGION = b"order_id,region\n%d,eu\n"
WITHOUT_REGION = b"order_id,note\n%d,x\n"
ONE_BY_ONE = PortionLimits(stored_bytes=31)
IN_PIECES = PortionLimits(content_bytes=16, piece=PieceLimits(piece_bytes=64))


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    zone = Zone.create(tmp_path, aws)
    return zone.declare(format="csv", columns=None, partition_spec=["region"])


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "LIMITS", Limits(step=StepLimits(chunk_bytes=16)))


def exists(zone: Zone, name: str = ORDERS) -> bool:
    return zone.services.lake.find(name) is not None


def test_file_without_the_partition_column_fails_alone_until_the_table_exists(zone: Zone) -> None:
    zone.put(order_key("a"), WITHOUT_REGION % 1)
    zone.put(order_key("empty"), b"order_id\n")

    result = zone.ingest_one()

    assert not exists(zone)
    assert zone.error_classes() == {order_key("a"): "schema"}
    (failure,) = result.failures
    assert "'region' names column 'region', but the columns are order_id, note" in failure.reason
    assert "declare region in `columns`" in failure.reason

    zone.put(order_key("b"), WITH_REGION % 2)
    zone.ingest_one()
    zone.assert_exact(2)

    zone.put(order_key("a"), WITHOUT_REGION % 1)
    zone.ingest_one()
    zone.assert_exact(1, 2)


@pytest.mark.parametrize(
    "limits", [PortionLimits(), ONE_BY_ONE, IN_PIECES], ids=["together", "one by one", "pieces"]
)
def test_file_without_the_partition_column_goes_with_one_that_has_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, limits: PortionLimits
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=limits))
    zone.put(order_key("a"), WITHOUT_REGION % 1)
    zone.put(order_key("b"), WITHOUT_REGION % 2 + b"bad\n")
    zone.put(order_key("c"), WITH_REGION % 3)
    zone.put(order_key("d"), b"not,a header of it\n\xff,\xff\n")

    zone.ingest_one()

    zone.assert_exact(1, 2, 3)
    assert zone.error_classes() == {order_key("d"): "unreadable"}
    assert zone.rejected() == {order_key("b"): ["it has 1 fields instead of 2"]}
    assert zone.rows().sort("order_id")["region"].null_count() == 2
    assert zone.snapshots() == 1


def test_file_whose_column_the_transform_does_not_apply_to_fails_alone(zone: Zone) -> None:
    zone = zone.declare(format="csv", columns=None, partition_spec=["truncate[10](n)"])
    zone.put(order_key("a"), b"order_id,n\n1,0.5\n")

    zone.ingest_one()

    assert not exists(zone)
    assert zone.error_classes() == {order_key("a"): "schema"}
    zone.put(order_key("b"), b"order_id,n\n2,5\n")
    zone.ingest_one()
    zone.assert_exact(2)


def test_object_that_fails_half_way_makes_no_table(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=IN_PIECES))
    zone = zone.declare(columns=None, bad_rows="fail")
    zone.put(order_key("a"), b'{"order_id": 1, "coupon": "X"}\n' * 9 + b"broken\n")

    zone.ingest_one()

    assert zone.error_classes() == {order_key("a"): "unreadable"}
    assert not exists(zone)
    zone.put(order_key("b"), b'{"order_id": "2"}\n')
    zone.ingest_one()
    assert zone.lake_table().columns == {"order_id": "string"}
    assert len(stored_files(zone.lake_table())) == 1


def test_object_that_has_too_many_bad_rows_half_way_makes_no_quarantine(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=IN_PIECES))
    zone = zone.declare(max_bad_rows=1)
    zone.put(order_key("a"), b'{"order_id": 1}\n' * 9 + b'{"order_id": "x"}\n' * 2)
    zone.put_orders("b", 2)

    zone.ingest_one()

    zone.assert_exact(2)
    assert zone.error_classes() == {order_key("a"): "bad_rows"}
    assert not exists(zone, f"{ORDERS}__quarantine")
    zone.put(order_key("c"), b'{"order_id": 3}\n' * 9 + b'{"order_id": "x"}\n')
    zone.ingest_one()
    assert zone.rejected() == {order_key("c"): ["column 'order_id': 'x' is not a valid long"]}


def test_object_that_fails_half_way_leaves_no_column_behind(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=IN_PIECES))
    zone = zone.declare(bad_rows="fail")
    zone.put(order_key("a"), b'{"order_id": 1, "coupon": "X"}\n' * 9 + b"broken\n")
    zone.put(order_key("b"), b'{"order_id": 2, "note": "Y"}\n')

    result = zone.ingest_one()

    zone.assert_exact(2)
    assert zone.error_classes() == {order_key("a"): "unreadable"}
    assert zone.lake_table().columns == {"order_id": "long", "note": "string"}
    assert result.new_columns == {"note": "string"}
