"""Objects find their table by queue, bucket, prefix and suffix, and say so when there is none."""

from typing import Any

import pytest

from ingest_project.errors import UnroutableObject
from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.sources.routing import RoutedObject, Router
from ingest_project_tests.sources.factories import object_version

DAILY = PartitionSettings.model_validate(
    {"every": "day", "start": "2026-01-01", "pattern": "dt=(?P<partition>[0-9-]{10})"}
)


def table(name: str, **changes: Any) -> TableSettings:
    fields = {"name": name, "queue": "landing", "bucket": "acme-landing", "format": "ndjson", **changes}
    return TableSettings.model_validate(fields)


ROUTER = Router(
    [
        table("sales.orders", prefix="orders/", suffix=".ndjson", partition=DAILY),
        table("sales.devices", prefix="devices/"),
        table("other.bucket", bucket="acme-other", prefix="orders/"),
        table("other.queue", queue="second"),
    ]
)


def test_an_object_goes_to_the_table_of_its_prefix_and_suffix() -> None:
    obj = object_version("orders/dt=2026-11-20/a.ndjson")

    assert ROUTER.route("landing", obj) == RoutedObject(obj, "sales.orders", "2026-11-20")


def test_a_table_without_partitions_gives_no_partition_key() -> None:
    assert ROUTER.route("landing", object_version("devices/a.parquet")).partition_key is None


def test_the_queue_and_the_bucket_are_part_of_the_route() -> None:
    assert ROUTER.route("landing", object_version("orders/a", bucket="acme-other")).table == "other.bucket"
    assert ROUTER.route("second", object_version("orders/a")).table == "other.queue"


@pytest.mark.parametrize(
    ("queue", "key", "bucket"),
    [
        ("landing", "orders/dt=2026-11-20/a.csv", "acme-landing"),
        ("landing", "archive/orders/dt=2026-11-20/a.ndjson", "acme-landing"),
        ("landing", "devices/a.parquet", "acme-unknown"),
        ("unknown", "devices/a.parquet", "acme-landing"),
    ],
)
def test_an_object_that_no_table_takes_is_unroutable(queue: str, key: str, bucket: str) -> None:
    with pytest.raises(UnroutableObject, match=f"no table of queue {queue} takes it") as raised:
        ROUTER.route(queue, object_version(key, bucket=bucket))

    assert raised.value.uri == f"s3://{bucket}/{key}"


def test_an_object_on_two_routes_is_unroutable() -> None:
    router = Router([table("sales.all"), table("sales.orders", prefix="orders/")])

    with pytest.raises(UnroutableObject, match=r"it is on the routes of sales\.all, sales\.orders"):
        router.route("landing", object_version("orders/a"))


def test_what_a_table_passes_over_is_on_its_route_with_its_reason() -> None:
    hidden = ROUTER.route("landing", object_version("orders/dt=2026-11-20/_a.ndjson"))
    nowhere = ROUTER.route("landing", object_version("orders/_x/a.ndjson"))

    assert (hidden.table, hidden.partition_key) == ("sales.orders", "2026-11-20")
    assert (
        hidden.passed_over
        == "'_a.ndjson' in its key begins with '_', so it is hidden, and `hidden_files` is skip"
    )
    assert (nowhere.table, nowhere.partition_key) == ("sales.orders", None)
    assert nowhere.passed_over is not None


def test_exclude_takes_no_object_off_a_route_for_another_table() -> None:
    router = Router([table("sales.all", exclude=["orders/*"]), table("sales.orders", prefix="orders/")])

    with pytest.raises(UnroutableObject, match=r"it is on the routes of sales\.all, sales\.orders"):
        router.route("landing", object_version("orders/a"))


def test_an_object_without_a_partition_is_unroutable() -> None:
    with pytest.raises(UnroutableObject, match="does not match the pattern"):
        ROUTER.route("landing", object_version("orders/a.ndjson"))
