"""Partition keys as Dagster writes them: checked against Dagster's own partitions definitions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.partitions.utils.base import INVALID_PARTITION_SUBSTRINGS
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.errors import UnroutableObject
from ingest_project.settings.partition_settings import PartitionSettings
from ingest_project.settings.partition_windows import PartitionEvery
from ingest_project.sources.partition_key import FORBIDDEN, partition_key
from ingest_project_tests.sources.factories import object_version

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
        ("dt=2026-11-20/hour=13", "hour", "2026-11-20-13:00"),
        ("event_year=2026/event_month=1/event_day=5/event_hour=7", "hour", "2026-01-05-07:00"),
        ("year=2026/month=11/day=20/hour=13/minute=45", "hour", "2026-11-20-13:00"),
        ("2026_11_20_13", "hour", "2026-11-20-13:00"),
        ("2026.11.20", "day", "2026-11-20"),
        ("2026-11/20", "day", "2026-11-20"),
        ("2026-11-20T13-45-59", "hour", "2026-11-20-13:00"),
        ("2026-11-20 13:45:59.123", "hour", "2026-11-20-13:00"),
        ("2026-11-20t13z", "hour", "2026-11-20-13:00"),
        ("2026-11-20 13:45:59 UTC", "hour", "2026-11-20-13:00"),
        ("2026-11-", "month", "2026-11-01"),
    ],
)
def test_a_time_in_the_key_is_read_however_it_is_written(text: str, every: PartitionEvery, key: str) -> None:
    assert from_key(text, every) == key


@pytest.mark.parametrize(
    ("text", "every", "key"),
    [
        ("ts=2026-11-20%2013%3A00%3A00", "hour", "2026-11-20-13:00"),
        ("dt=2026%2F11%2F20", "day", "2026-11-20"),
        ("dt=2026%2f11%2f20", "month", "2026-11-01"),
        ("dt=%32026-11-20", "day", "2026-11-20"),
        ("ts=2026-11-20T23%3A30%3A00-05%3A00", "hour", "2026-11-21-04:00"),
        ("ts=2026-11-21T00%3A30%3A00%2B0200", "day", "2026-11-20"),
        ("ts=2026-11-20T13%3A45-05", "hour", "2026-11-20-18:00"),
        ("ts=2026-11-20T13%3A00+00%3A00", "hour", "2026-11-20-13:00"),
    ],
)
def test_a_percent_encoded_time_is_decoded_before_it_is_read(
    text: str, every: PartitionEvery, key: str
) -> None:
    assert from_key(text, every, "=(?P<partition>[^/]+)/") == key


def test_groups_named_for_units_are_decoded_too() -> None:
    pattern = "y=(?P<year>[^/]+)/m=(?P<month>[^/]+)/d=(?P<day>[^/]+)"

    assert from_key("y=%32%30%32%36/m=%31%31/d=5", "day", pattern) == "2026-11-05"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20%252013",  # decoded once it is 2026-11-20%2013
        "2026-11-20-v2x7",
        "2026-11-20.parquet",
        "2026-11-20/batch=13",
        "2026-11-20T1345x",
        "2026-112",
        "2026112013 5",
        "2026-11-20T13:45:59+5",
        "2026--11-20",
        "2026x11x20",
        "2026-W47-5T13",
        "2026-11-20T13:45-59x",
        "2026\N{EN DASH}11\N{EN DASH}20",
        "2026-11-20\N{NO-BREAK SPACE}13",
    ],
)
def test_a_text_that_is_not_as_a_whole_a_time_is_unroutable(text: str) -> None:
    with pytest.raises(UnroutableObject) as raised:
        from_key(text, "hour")

    assert "as a whole is not a time" in raised.value.reason
    assert "let the pattern find the time and nothing else" in raised.value.reason
    assert r"the pattern is '/(?P<partition>.+)/a\\.json$'" in raised.value.reason


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2026-11-20T13:60", "2026-11-20-13-60 is not a possible date or time"),
        ("2026-11-20T13:00-24:00", "-24:00 is not a possible offset"),
        ("1763643600", "1763-64-36-0 is not a possible date"),
        ("2026-11-20%FF", "'2026-11-20%FF' has percent-encoded bytes that are not UTF-8"),
    ],
)
def test_a_time_that_is_out_of_range_is_unroutable(text: str, wrong: str) -> None:
    with pytest.raises(UnroutableObject) as raised:
        from_key(text, "hour")

    assert raised.value.reason.startswith(wrong)


@given(time=st.datetimes(datetime(2026, 1, 2), datetime(2027, 12, 30)), data=st.data())  # noqa: DTZ001
def test_whoever_writes_a_time_and_encodes_it_finds_its_hour(time: datetime, data: st.DataObject) -> None:
    form = data.draw(
        st.sampled_from(
            [
                "%Y-%m-%d %H:%M:%S",
                "%Y%m%dT%H%M%SZ",
                "%Y/%m/%d/%H",
                "year=%Y/month=%m/day=%d/hour=%H",
                "%Y%m%d%H",
            ]
        )
    )
    written = time.strftime(form)
    encoded = "".join(f"%{ord(one):02X}" if data.draw(st.booleans()) else one for one in written)

    assert from_key(encoded, "hour") == f"{time:%Y-%m-%d-%H:00}"


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
        ("2026-02-30", "day", "2026-2-30 is not a possible date or time; correct the key or the pattern"),
        ("2026-11-20T24", "hour", "2026-11-20-24 is not a possible date"),
        ("0000-01-01", "day", "0-1-1 is not a possible date"),
        ("2026-11", "day", "'2026-11' has no day; let the pattern find year, month and day in digits"),
        ("2026-11-20", "hour", "'2026-11-20' has no hour"),
        ("2026", "month", "'2026' has no month; let the pattern find year and month in digits"),
        ("20-11-2026", "day", "'20-11-2026' does not begin with a year"),
        ("latest", "day", "'latest' does not begin with a year"),
        ("٢٠٢٦-٠٣-٢٤", "day", "'٢٠٢٦-٠٣-٢٤' does not begin with a year"),
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

    with pytest.raises(UnroutableObject, match="what the pattern finds has no day"):
        from_key("2026/11/x", "day", pattern)


def test_a_key_that_does_not_match_is_unroutable() -> None:
    with pytest.raises(
        UnroutableObject,
        match=r"does not match the pattern; correct the key or the pattern; the pattern is 'dt=",
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

    with pytest.raises(UnroutableObject, match="Dagster does not accept the partition key"):
        partition_key(by_text, object_version(f"tenant=a{forbidden}b/a.json"))


def test_nothing_more_is_forbidden_than_dagster_forbids() -> None:
    assert sorted(FORBIDDEN) == sorted(INVALID_PARTITION_SUBSTRINGS)


NULL = "__HIVE_DEFAULT_PARTITION__"


def test_null_of_hive_is_a_partition_like_others_of_names() -> None:
    pattern = "region=(?P<partition>[^/]+)/"
    null = object_version(f"region={NULL}/a.json")

    assert partition_key(settings(dynamic=True, pattern=pattern), null) == NULL
    assert partition_key(settings(values=["eu", NULL], pattern=pattern), null) == NULL
    with pytest.raises(UnroutableObject, match=f"'{NULL}' is not one of the table's partition values"):
        partition_key(settings(values=["eu"], pattern=pattern), null)


def test_null_of_hive_goes_to_the_default_partition() -> None:
    pattern = "region=(?P<partition>[^/]+)/"
    null = object_version(f"region={NULL}/a.json")

    assert partition_key(settings(dynamic=True, default="none", pattern=pattern), null) == "none"
    assert partition_key(settings(values=["eu", "none"], default="none", pattern=pattern), null) == "none"


@pytest.mark.parametrize(
    ("every", "default", "key"),
    [("day", "2026-01-01", "2026-01-01"), ("hour", "2026-02-01T05:30", "2026-02-01-05:00"),
     ("week", "2026-01-05", "2026-01-04"), ("month", "2026-01-15", "2026-01-01")],
)  # fmt: skip
def test_null_of_hive_is_no_time_unless_the_settings_name_one(
    every: PartitionEvery, default: str, key: str
) -> None:
    pattern = "dt=(?P<partition>[^/]+)/"
    null = object_version(f"dt={NULL}/a.json")

    with pytest.raises(UnroutableObject, match=r"stands for null.*`partition\.default`; the pattern is"):
        partition_key(settings(every=every, pattern=pattern), null)
    assert partition_key(settings(every=every, pattern=pattern, default=default), null) == key
    assert key in KEYS[every]


def test_null_of_hive_needs_a_pattern_that_finds_it() -> None:
    narrow = settings(every="day", pattern="dt=(?P<partition>[0-9-]{10})", default=START)

    with pytest.raises(UnroutableObject, match=f"does not match the pattern; let it find {NULL} too"):
        partition_key(narrow, object_version(f"dt={NULL}/a.json"))


def test_null_of_hive_may_be_one_unit_of_a_time() -> None:
    pattern = "dt=(?P<partition>[^/]+/hour=[^/]+)/"
    null = object_version(f"dt=2026-11-20/hour={NULL}/a.json")

    assert partition_key(settings(every="hour", pattern=pattern, default=START), null) == "2026-01-01-00:00"


@pytest.mark.parametrize(
    ("text", "name"), [("eu%20west%2F1", "eu west/1"), ("100%", "100%"), ("a%2b%zz", "a+%zz")]
)
def test_names_of_partitions_are_percent_decoded(text: str, name: str) -> None:
    pattern = "region=(?P<partition>[^/]+)/"
    written = object_version(f"region={text}/a.json")

    assert partition_key(settings(dynamic=True, pattern=pattern), written) == name
    assert partition_key(settings(values=[name], pattern=pattern), written) == name


@pytest.mark.parametrize("forbidden", INVALID_PARTITION_SUBSTRINGS)
def test_what_dagster_refuses_is_refused_when_it_is_encoded(forbidden: str) -> None:
    by_text = settings(dynamic=True, pattern="tenant=(?P<partition>[^/]*)/")
    encoded = "".join(f"%{ord(one):02X}" for one in forbidden)

    with pytest.raises(UnroutableObject, match="Dagster does not accept the partition key"):
        partition_key(by_text, object_version(f"tenant=a{encoded}b/a.json"))
