import pytest
from dagster._utils.schedules import is_valid_cron_string
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.settings.cron import cron_fault

SOUND = [
    "0 3 * * *",
    "*/5 * * * *",
    "0 0-6/2 1,15 jan-jun MON",
    "59 23 31 12 7",
    "0 0 L * *",
    "  0   3 * * *  ",
]


@pytest.mark.parametrize("schedule", SOUND)
def test_what_dagster_reads_is_accepted(schedule: str) -> None:
    assert is_valid_cron_string(schedule)
    assert cron_fault(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("60 * * * *", "the minute is invalid"),
        ("0 24 * * *", "the hour is invalid"),
        ("0 0 0 * *", "the day of month is invalid"),
        ("0 0 * 13 *", "the month is invalid"),
        ("0 0 * * 8", "the day of week is invalid"),
        ("0 0 * * foo", "the day of week is invalid"),
        ("*/0 * * * *", "the minute is invalid"),
        ("1, * * * *", "the minute is invalid"),
        ("0 3 * *", "five fields, not 4"),
        ("0 0 3 * * *", "five fields, not 6"),
        ("@daily", "five fields, not 1"),
        ("", "five fields, not 0"),
    ],
)
def test_a_typing_error_is_refused_with_the_field_it_is_in(schedule: str, message: str) -> None:
    assert message in (cron_fault(schedule) or "")


@given(
    st.tuples(
        st.integers(-1, 61), st.integers(-1, 25), st.integers(-1, 32), st.integers(-1, 14), st.integers(-1, 9)
    ).map(lambda fields: " ".join(map(str, fields)))
)
def test_nothing_that_dagster_reads_is_refused(schedule: str) -> None:
    if is_valid_cron_string(schedule):
        assert cron_fault(schedule) is None
