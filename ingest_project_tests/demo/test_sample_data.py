"""What is uploaded: the same for the same hour, sound for the tables of ingest.yaml, and with the mishaps it promises."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from ingest_project.demo.deployment import TOP
from ingest_project.demo.landing import BUCKET
from ingest_project.demo.sample_data import CLICKS, DEVICES, ORDERS, SampleData, Upload, sample_data
from ingest_project.errors import ObjectUnreadable
from ingest_project.events.object_version import ObjectVersion
from ingest_project.events.routing import RoutedObject, Router
from ingest_project.objects.columns.mapping import target_of
from ingest_project.objects.fetch.fetched import FetchedObject
from ingest_project.objects.parse import Reading
from ingest_project.objects.read import ReadResult
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import Settings
from ingest_project_tests.objects.factories import read_objects

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample() -> SampleData:
    return sample_data(NOW)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("LANDING_BUCKET", raising=False)
    return load_settings(TOP / "ingest.yaml")


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


def test_a_clock_before_the_tables_start_still_gives_data_that_they_take(settings: Settings) -> None:
    router = Router(settings.tables)

    uploads = sample_data(datetime(2026, 1, 2, tzinfo=UTC)).all

    assert {route(router, upload).table for upload in uploads} == {ORDERS, CLICKS, DEVICES}


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


def test_todays_orders_have_a_field_without_a_column(sample: SampleData, settings: Settings) -> None:
    today = [upload for upload in sample.later if upload.table == ORDERS][:8]

    result = read(today, settings)

    assert result.frame is not None
    assert "coupon" in result.frame.columns


def test_one_object_comes_twice_one_is_overwritten_unread_and_one_when_its_rows_are_in(
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
