"""The uploads: deterministic for an hour, valid for the tables of demo.yaml, with the promised faults."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from ingest_project.demo.deployment import FIRST_PARTITIONS, SETTINGS
from ingest_project.demo.landing import BUCKET
from ingest_project.demo.sample_data import (
    CLICKS,
    DEVICES,
    ORDERS,
    SampleData,
    Upload,
    first_partitions,
    sample_data,
)
from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import target_of
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import Settings
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject, Router
from ingest_project.sources.s3.fetched import FetchedObject
from ingest_project_tests.reading.factories import read_objects

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample() -> SampleData:
    return sample_data(NOW)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("AWS_REGION", "DEMO_LEDGER_URL", "DEMO_CATALOG_URI", "INGEST_STATE_DIR"):
        monkeypatch.setenv(name, "sqlite:///state")
    for name in ("landing", "events", "requests"):
        monkeypatch.setenv(f"{name.upper()}_QUEUE_URL", f"http://127.0.0.1:9/123456789012/{name}")
    for variable in FIRST_PARTITIONS.values():
        monkeypatch.setenv(variable, "2025-01-01")
    monkeypatch.setenv("LANDING_BUCKET", BUCKET)
    monkeypatch.setenv("RESULTS_BUCKET", "results")
    return load_settings(SETTINGS)


def test_the_same_hour_gives_the_same_bytes(sample: SampleData) -> None:
    assert sample_data(NOW.replace(minute=59)) == sample


def test_each_object_belongs_to_its_table_and_all_fill_the_promised_partitions(
    sample: SampleData, settings: Settings
) -> None:
    router = Router(settings.tables)

    routed = [route(router, upload) for upload in sample.all]

    assert [one.table for one in routed] == [upload.table for upload in sample.all]
    partitions = Counter(table for table, _ in {(one.table, one.partition_key) for one in routed})
    assert partitions == {ORDERS: 14, CLICKS: 48, DEVICES: 6}


@pytest.mark.parametrize(
    "now",
    [NOW, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 23, tzinfo=UTC)],
)  # fmt: skip
def test_no_row_is_of_the_future_and_each_first_partition_has_data(now: datetime, settings: Settings) -> None:
    sample, starts = sample_data(now), first_partitions(now)
    router = Router(settings_from(settings, starts).tables)

    for table, time_column in ((ORDERS, "ordered_at"), (CLICKS, "clicked_at"), (DEVICES, "seen_at")):
        uploads = [one for one in sample.all if one.table == table and one.rows is not None]
        assert f"{min(partitions_of(router, uploads))}".startswith(f"{starts[table]:%Y-%m-%d}")
        frame = read([uploads[-1], *uploads[-9:-8]], settings).frame
        assert frame is not None
        assert frame[time_column].max() < now  # type: ignore[operator]


@pytest.mark.parametrize("table", [ORDERS, CLICKS, DEVICES])
def test_every_file_reads_into_its_tables_declared_columns(
    table: str, sample: SampleData, settings: Settings
) -> None:
    uploads = [upload for upload in sample.first if upload.table == table and upload.rows is not None][-5:]

    result = read(uploads, settings)

    assert result.failures == ()
    assert list(result.rows.values()) == [upload.rows for upload in uploads]


def test_the_broken_file_is_the_only_one_without_rows_and_cannot_be_read(
    sample: SampleData, settings: Settings
) -> None:
    broken = [upload for upload in sample.all if upload.rows is None]

    result = read(broken, settings)

    assert [type(failure.error) for failure in result.failures] == [ObjectUnreadable]


def test_bad_rows_are_set_aside_and_the_good_ones_of_their_object_read(
    sample: SampleData, settings: Settings
) -> None:
    uploads = [upload for upload in sample.all if upload.bad_rows]

    result = read(uploads, settings)

    assert list(result.rows.values()) == [300]
    assert list(result.rejected_rows.values()) == [3]


def test_the_last_days_orders_have_a_field_without_a_column(sample: SampleData, settings: Settings) -> None:
    last = [upload for upload in sample.later if upload.table == ORDERS][:8]

    result = read(last, settings)

    assert result.frame is not None
    assert "coupon" in result.frame.columns


def test_one_object_is_repeated_and_two_are_overwritten_before_and_after_they_are_read(
    sample: SampleData,
) -> None:
    first = Counter(upload.key for upload in sample.first)
    twice = [
        [one.body for one in sample.first if one.key == key] for key, count in first.items() if count == 2
    ]
    over = [upload for upload in sample.later if upload.key in first]

    assert sorted(len(set(bodies)) for bodies in twice) == [1, 2]
    assert len(over) == 1
    assert first[over[0].key] == 1
    assert over[0].body not in [upload.body for upload in sample.first]


def settings_from(settings: Settings, starts: dict[str, datetime]) -> Settings:
    """The same settings, with partitions that start there."""
    tables = []
    for table in settings.tables:
        if table.is_of_messages:
            continue
        assert table.partition is not None
        partition = table.partition.model_copy(update={"start": starts[table.name].isoformat()})
        tables.append(table.model_copy(update={"partition": partition}))
    return settings.model_copy(update={"tables": tables})


def partitions_of(router: Router, uploads: list[Upload]) -> set[str]:
    """The Dagster partitions that these uploads fill.

    Raises UnroutableObject for one before the first partition.
    """
    return {str(route(router, upload).partition_key) for upload in uploads}


def route(router: Router, upload: Upload) -> RoutedObject:
    return router.route("landing", version(upload))


def read(uploads: list[Upload], settings: Settings) -> ReadResult:
    table = settings.table(uploads[0].table)
    fetched = [FetchedObject(version(upload), upload.body, len(upload.body), NOW) for upload in uploads]
    return read_objects(
        fetched, Reading(table.format, target_of(table, table.column_types), quarantines=True)
    )


def version(upload: Upload) -> ObjectVersion:
    return ObjectVersion(BUCKET, upload.key, len(upload.body), NOW, etag="e")
