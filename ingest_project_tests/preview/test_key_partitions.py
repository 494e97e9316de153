"""Partitions that keys have already, in the settings' own terms: each key must find its partition by them."""

import pytest

from ingest_project.preview.key_partitions import find_partitions
from ingest_project.sources.partition_key import partition_key
from ingest_project_tests.sources.factories import object_version


@pytest.mark.parametrize(
    ("keys", "every", "first", "last"),
    [
        (["o/dt=2026-11-20/a", "o/dt=2026-12-01/b"], "day", "2026-11-20", "2026-12-01"),
        (["o/dt=2026-11-20/hour=13/a"], "hour", "2026-11-20-13:00", "2026-11-20-13:00"),
        (["o/year=2026/month=1/day=5/a"], "day", "2026-01-05", "2026-01-05"),
        (["o/year=2026/month=11/day=20/hour=07/a"], "hour", "2026-11-20-07:00", "2026-11-20-07:00"),
        (["o/year=2026/month=11/a"], "month", "2026-11-01", "2026-11-01"),
        (["o/2026/11/20/13/a"], "hour", "2026-11-20-13:00", "2026-11-20-13:00"),
        (["o/2026/11/20/a", "o/2026/11/21/b"], "day", "2026-11-20", "2026-11-21"),
        (["o/2026/11/a"], "month", "2026-11-01", "2026-11-01"),
        (["o/month=2026-11/a"], "month", "2026-11-01", "2026-11-01"),
        (["o/export-2026-11-20.csv"], "day", "2026-11-20", "2026-11-20"),
        (["o/export_20261120.csv"], "day", "2026-11-20", "2026-11-20"),
        (["o/stream-2026-11-20-13-05-00-uuid"], "hour", "2026-11-20-13:00", "2026-11-20-13:00"),
        (
            ["o/export_20261120_13.csv", "o/export_20261121_00.csv"],
            "hour",
            "2026-11-20-13:00",
            "2026-11-21-00:00",
        ),
        (["o/BSEG_20261120_0001.txt", "o/BSEG_20261121_0002.txt"], "day", "2026-11-20", "2026-11-21"),
        (["o/region=eu/dt=2026-11-20/a"], "day", "2026-11-20", "2026-11-20"),
        (
            ["o/ts=2026-11-20%2013%3A00%3A00/a", "o/ts=2026-11-21%2000%3A00%3A00/a"],
            "hour",
            "2026-11-20-13:00",
            "2026-11-21-00:00",
        ),
        (["o/dt=2026%2F11%2F20/a"], "day", "2026-11-20", "2026-11-20"),
        (["o/dt=2026-11-20/batch=13/a"], "day", "2026-11-20", "2026-11-20"),
    ],
)
def test_time_in_keys(keys: list[str], every: str, first: str, last: str) -> None:
    found = find_partitions([object_version(key) for key in keys])

    assert found is not None
    assert (found.settings.every, found.first, found.last) == (every, first, last)
    assert found.settings.start == first[:10]


def test_keys_with_null_for_a_time_have_a_partition_beside_the_others() -> None:
    keys = ["o/dt=2026-11-21/a", "o/dt=2026-11-20/a", "o/dt=__HIVE_DEFAULT_PARTITION__/a"]

    found = find_partitions([object_version(key) for key in keys])

    assert found is not None
    assert (found.settings.every, found.settings.start) == ("day", "2026-11-20")
    assert found.settings.default == "2026-11-20"
    assert found.settings.pattern == "dt=(?P<partition>[^/]+)/"
    assert partition_key(found.settings, object_version(keys[2])) == "2026-11-20"


def test_other_values_in_keys_are_listed_if_they_are_few() -> None:
    few = find_partitions([object_version(f"o/region={name}/a") for name in ("us", "eu", "us")])
    encoded = find_partitions([object_version(f"o/region={name}/a") for name in ("eu%20west", "us")])
    many = find_partitions([object_version(f"o/shop=s{number:03}/a") for number in range(50)])
    numbers = find_partitions([object_version(f"o/partition={number}/a") for number in range(2)])

    assert few is not None
    assert few.settings.values == ["eu", "us"]
    assert encoded is not None
    assert encoded.settings.values == ["eu west", "us"]
    assert many is not None
    assert many.settings.dynamic
    assert many.count == 50
    assert numbers is not None
    assert numbers.settings.dynamic, "Kafka's partitions, and ids, go on"


@pytest.mark.parametrize(
    "keys",
    [
        [],
        ["o/a.csv"],
        ["o/dt=2026-11-20/a", "o/a"],
        ["o/dt=2026-13-45/x.csv"],
        ["o/20269999.csv"],
        ["o/dt=/a"],
    ],
)
def test_no_partition_unless_all_keys_have_one(keys: list[str]) -> None:
    found = find_partitions([object_version(key) for key in keys])

    assert found is None or found.settings.every is None
