"""Partition keys as Dagster writes them: checked against Dagster's own partitions definitions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.partitions.utils.base import INVALID_PARTITION_SUBSTRINGS
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.errors import UnroutableObject
from ingest_project.events.partition_key import FORBIDDEN, partition_key
from ingest_project.settings.model import PartitionEvery, PartitionSettings
from ingest_project_tests.events.factories import object_version

START = "2026-01-01"
UNTIL = datetime(2028, 1, 1, tzinfo=UTC)
DEFINITIONS: dict[PartitionEvery, dg.TimeWindowPartitionsDefinition] = {
    "hour": dg.HourlyPartitionsDefinition(start_date=datetime.fromisoformat(START)),
    "day": dg.DailyPartitionsDefinition(start_date=datetime.fromisoformat(START)),
    "week": dg.WeeklyPartitionsDefinition(start_date=datetime.fromisoformat(START)),
    "month": dg.MonthlyPartitionsDefinition(start_date=datetime.fromisoformat(START)),
}
KEYS = {
    every: set(definition.get_partition_keys(current_time=UNTIL + timedelta(days=40)))
    for every, definition in DEFINITIONS.items()
}
TIMES = st.datetimes(datetime.fromisoformat("2025-12-20"), UNTIL.replace(tzinfo=None), timezones=st.just(UTC))


def settings(**fields: Any) -> PartitionSettings:
    if "every" in fields:
        fields.setdefault("start", START)
    return PartitionSettings.model_validate(fields)


def from_key(text: str, every: PartitionEvery, pattern: str = r"/(?P<partition>.+)/a\.json$") -> str:
    return partition_key(settings(every=every, pattern=pattern), object_version(f"orders/{text}/a.json"))


@pytest.mark.parametrize("every", DEFINITIONS)
@given(time=TIMES)
def test_an_event_time_falls_in_the_partition_that_dagster_says(
    every: PartitionEvery, time: datetime
) -> None:
    by_event_time = settings(every=every, **{"from": "event_time"})
    expected = DEFINITIONS[every].get_partition_key_for_timestamp(time.timestamp())

    try:
        key = partition_key(by_event_time, object_version(event_time=time))
    except UnroutableObject:
        assert expected not in KEYS[every]
    else:
        assert key == expected
        assert key in KEYS[every]


@pytest.mark.parametrize("every", DEFINITIONS)
@pytest.mark.parametrize("start", ["2026-11-04", "2026-11-04T06:30"])
def test_the_first_partition_is_dagster_s_first(every: PartitionEvery, start: str) -> None:
    definition = type(DEFINITIONS[every])(start_date=datetime.fromisoformat(start))  # type: ignore[call-arg]
    first = definition.get_partition_keys(current_time=UNTIL)[0]
    first_time = definition.start_time_for_partition_key(first)
    late = settings(every=every, start=start, **{"from": "event_time"})

    assert partition_key(late, object_version(event_time=first_time)) == first
    with pytest.raises(
        UnroutableObject, match=f"is before the table's start, {start}; set an earlier `start`"
    ):
        partition_key(late, object_version(event_time=first_time - timedelta(seconds=1)))


def test_an_event_time_is_taken_in_utc() -> None:
    by_event_time = settings(every="day", **{"from": "event_time"})
    time = datetime.fromisoformat("2026-11-21T00:30:00+02:00")

    assert partition_key(by_event_time, object_version(event_time=time)) == "2026-11-20"


@pytest.mark.parametrize(
    ("text", "every", "key"),
    [
        ("2026-11", "month", "2026-11-01"),
        ("202611", "month", "2026-11-01"),
        ("2026-11-20", "month", "2026-11-01"),
        ("2026-11-20", "day", "2026-11-20"),
        ("20261120", "day", "2026-11-20"),
        ("2026/11/20", "day", "2026-11-20"),
        ("2026/1/5", "day", "2026-01-05"),
        ("year=2026/month=11/day=20", "day", "2026-11-20"),
        ("2026-11-20T13:45:59", "day", "2026-11-20"),
        ("2026-11-20", "week", "2026-11-15"),
        ("2026-11-15", "week", "2026-11-15"),
        ("2026-11-14", "week", "2026-11-08"),
        ("2026-11-20/hour=13", "hour", "2026-11-20-13:00"),
        ("2026-11-20T13", "hour", "2026-11-20-13:00"),
        ("2026-11-20T13:45:59Z", "hour", "2026-11-20-13:00"),
        ("20261120T13", "hour", "2026-11-20-13:00"),
        ("20261120T134559Z", "hour", "2026-11-20-13:00"),
        ("2026112013", "hour", "2026-11-20-13:00"),
        ("20261120134559", "hour", "2026-11-20-13:00"),
        ("2026/11/20/13", "hour", "2026-11-20-13:00"),
        ("2026-11-20-00", "hour", "2026-11-20-00:00"),
    ],
)
def test_a_time_in_the_key_is_read_however_it_is_written(text: str, every: PartitionEvery, key: str) -> None:
    assert from_key(text, every) == key


def test_groups_named_for_units_are_read() -> None:
    pattern = r"y(?P<year>\d{4})/h(?P<hour>\d+)/d(?P<day>\d+)/m(?P<month>\d+)"

    assert from_key("y2026/h7/d5/m11", "hour", pattern) == "2026-11-05-07:00"
    assert from_key("y2026/h7/d5/m11", "month", pattern) == "2026-11-01"


def test_the_pattern_is_searched_in_the_decoded_key() -> None:
    by_key = settings(every="day", pattern=r"é dt=(?P<partition>[0-9-]+)")

    assert partition_key(by_key, object_version("orders/é dt=2026-11-20.json")) == "2026-11-20"


def test_a_partition_in_the_future_is_accepted() -> None:
    assert from_key("2999-12-31", "day") == "2999-12-31"


@pytest.mark.parametrize(
    ("text", "every", "reason"),
    [
        ("2026-02-30", "day", "2026-2-30 is no possible date; correct the key or the pattern"),
        ("2026-11-20T24", "hour", "2026-11-20-24 is no possible date"),
        ("0000-01-01", "day", "0-1-1 is no possible date"),
        ("2026-11", "day", "'2026-11' names no day; let the pattern find year, month and day in digits"),
        ("2026-11-20", "hour", "'2026-11-20' names no hour"),
        ("2026", "month", "'2026' names no month; let the pattern find year and month in digits"),
        ("20-11-2026", "day", "'20-11-2026' names no year"),
        ("latest", "day", "'latest' names no year"),
        ("٢٠٢٦-٠٣-٢٤", "day", "'٢٠٢٦-٠٣-٢٤' names no year"),
        ("2025-12-31", "day", "partition 2025-12-31 is before the table's start, 2026-01-01"),
        ("0001-01-01", "week", "date value out of range"),
    ],
)
def test_a_key_that_names_no_partition_is_unroutable(text: str, every: PartitionEvery, reason: str) -> None:
    with pytest.raises(UnroutableObject) as raised:
        from_key(text, every)

    assert raised.value.reason.startswith(reason)


def test_a_unit_that_the_pattern_does_not_find_is_unroutable() -> None:
    pattern = r"(?P<year>\d{4})/(?P<month>\d+)(/(?P<day>\d+))?"

    with pytest.raises(UnroutableObject, match="what the pattern finds names no day"):
        from_key("2026/11/x", "day", pattern)


def test_a_key_that_does_not_match_is_unroutable() -> None:
    with pytest.raises(
        UnroutableObject, match=r"does not match the pattern 'dt=.*'; correct the key or the pattern"
    ):
        from_key("2026-11-20", "day", "dt=(?P<partition>.*)")


@given(st.text("0123456789-/T:") | st.text(st.characters(exclude_characters="\n"), min_size=1))
def test_any_text_in_a_key_is_a_partition_or_unroutable(text: str) -> None:
    try:
        key = from_key(text, "hour")
    except UnroutableObject:
        return
    assert DEFINITIONS["hour"].start_time_for_partition_key(key).strftime("%Y-%m-%d-%H:%M") == key


def test_one_of_the_declared_values_is_a_partition() -> None:
    by_value = settings(values=["eu", "us"], pattern="region=(?P<partition>[^/]+)")

    assert partition_key(by_value, object_version("region=eu/a.json")) == "eu"
    with pytest.raises(
        UnroutableObject, match="'apac' is not one of the table's partition values; add it there"
    ):
        partition_key(by_value, object_version("region=apac/a.json"))


def test_any_text_is_a_dynamic_partition() -> None:
    by_text = settings(dynamic=True, pattern="tenant=(?P<partition>[^/]*)/")

    assert partition_key(by_text, object_version("tenant=Ünïcode & co/a.json")) == "Ünïcode & co"
    with pytest.raises(UnroutableObject, match="the pattern's group `partition` finds nothing"):
        partition_key(by_text, object_version("tenant=/a.json"))


@pytest.mark.parametrize("forbidden", INVALID_PARTITION_SUBSTRINGS)
def test_what_dagster_refuses_is_no_dynamic_partition(forbidden: str) -> None:
    by_text = settings(dynamic=True, pattern="(?s)tenant=(?P<partition>[^/]*)/")

    with pytest.raises(UnroutableObject, match="Dagster takes no partition key"):
        partition_key(by_text, object_version(f"tenant=a{forbidden}b/a.json"))


def test_nothing_more_is_forbidden_than_dagster_forbids() -> None:
    assert sorted(FORBIDDEN) == sorted(INVALID_PARTITION_SUBSTRINGS)
