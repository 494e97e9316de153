"""A batch that is too large to be read at once: by portions, and still in one snapshot."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyiceberg.types import BooleanType

from ingest_project.errors import CatalogUnavailable, CommitConflict
from ingest_project.reading import format_options as options_module
from ingest_project.reading.limits import Limits, PortionLimits
from ingest_project.services import Services
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.fetched import FetchResult
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.factories import Zone, order_key, orders
from ingest_project_tests.faults import go_on
from ingest_project_tests.iceberg.readers import stored_files
from ingest_project_tests.reading.archives import zstd


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def test_object_larger_than_a_portion_is_one_by_itself_and_the_snapshot_is_still_one(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        options_module, "limits_of", lambda _: Limits(portion=PortionLimits(stored_bytes=2 * len(orders(1))))
    )
    for name, order_ids in {"a": [1], "b": [2], "c": [3, 4, 5], "d": [6]}.items():
        zone.put_orders(name, *order_ids)

    result = zone.ingest_one()

    zone.assert_exact(1, 2, 3, 4, 5, 6)
    assert zone.snapshots() == 1
    (file,) = stored_files(zone.lake_table())
    assert pq.ParquetFile(file).num_row_groups == 3
    sources = dict(zone.rows().select("order_id", "_source_uri").iter_rows())
    assert {order_id: uri.rsplit("/")[-1] for order_id, uri in sources.items()} == {
        1: "a.ndjson", 2: "b.ndjson", 3: "c.ndjson", 4: "c.ndjson", 5: "c.ndjson", 6: "d.ndjson",
    }  # fmt: skip
    (partition,) = result.partitions
    assert partition.sample is not None
    assert partition.sample.height == 2


def test_failure_in_one_portion_leaves_the_others_alone(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=PortionLimits(stored_bytes=31)))
    zone.put_orders("a", 1)
    zone.put(order_key("b"), b"broken")
    zone.put_orders("c", 3)

    zone.ingest_one()

    zone.assert_exact(1, 3)
    assert zone.error_classes() == {order_key("b"): "unreadable"}


def test_later_portion_of_a_table_with_inferred_columns_follows_the_first(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=PortionLimits(stored_bytes=31)))
    zone = zone.declare(columns=None)
    zone.put(order_key("a"), b'{"order_id": 1}\n')
    zone.put(order_key("b"), b'{"order_id": "two"}\n')
    zone.put(order_key("c"), b'{"order_id": 3, "coupon": "X"}\n')

    zone.ingest_one()

    assert zone.lake_table().columns == {"order_id": "long", "coupon": "string"}
    zone.assert_exact(1, 3)
    assert zone.rejected() == {order_key("b"): ["column 'order_id': 'two' is not a valid long"]}


def test_the_settings_of_a_table_bound_its_portions_records_and_expanded_objects(zone: Zone) -> None:
    batch = {"portion_bytes": 200, "max_record_bytes": 100, "max_expanded_bytes": 2000}
    zone = zone.declare(bad_rows="quarantine", batch=batch)
    long_line = b'{"order_id": 7, "note": "' + b"x" * 300 + b'"}\n'
    zone.put(order_key("a"), orders(*range(1, 7)) * 2 + long_line + orders(8))
    zone.put(order_key("b"), zstd(orders(9) * 10_000))

    zone.ingest_one()

    (file,) = stored_files(zone.lake_table())
    assert pq.ParquetFile(file).num_row_groups > 1
    assert sorted(zone.rows()["order_id"]) == sorted([*range(1, 7)] * 2 + [8])
    assert zone.error_classes() == {order_key("b"): "unreadable"}
    (reason,) = zone.rejected()[order_key("a")]
    assert "more than a record may have (batch.max_record_bytes)" in reason


class InterruptedStore(ObjectStore):
    """A store whose second fetch begins with what others do meanwhile."""

    def __init__(self, services: Services, meanwhile: Callable[[], None]) -> None:
        super().__init__(services.aws)
        self._meanwhile = [meanwhile, go_on]

    def fetch(
        self,
        objects: Sequence[ObjectVersion],
        *,
        max_object_bytes: int | None = None,
        room_bytes: int | None = None,
    ) -> FetchResult:
        self._meanwhile.pop()()
        return super().fetch(objects, max_object_bytes=max_object_bytes, room_bytes=room_bytes)


def stop() -> None:
    raise CatalogUnavailable("sales.orders", "the warehouse is gone")


def add_foreign_column(zone: Zone) -> None:
    """What another writer does to the table meanwhile."""
    with zone.lake_table()._table.update_schema() as update:
        update.add_column("coupon", BooleanType())


def test_attempt_that_stops_half_way_deletes_the_files_that_it_wrote(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=PortionLimits(stored_bytes=31)))
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()

    with pytest.raises(CatalogUnavailable):
        zone.process(batch_id, store=InterruptedStore(zone.services, stop))

    assert stored_files(zone.lake_table()) == set()
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1, 2)


def test_column_that_another_writer_adds_meanwhile_is_seen_before_the_commit(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=PortionLimits(stored_bytes=31)))
    zone.put_orders("a", 1)
    zone.put(order_key("b"), b'{"order_id": 2, "coupon": 1.5}\n')
    batch_id = zone.plan_one()

    with pytest.raises(CommitConflict, match="columns were changed"):
        zone.process(batch_id, store=InterruptedStore(zone.services, lambda: add_foreign_column(zone)))

    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1)
    assert zone.rejected() == {order_key("b"): ["column 'coupon': 1.5 is not a valid boolean"]}
