import subprocess
import sys
from zoneinfo import available_timezones

import polars as pl
import pytest

from ingest_project.settings.time_formats import time_format_fault, timezone_fault


@pytest.mark.parametrize(
    ("written", "type_name"),
    [
        ("iso", "date"),
        ("iso", "time"),
        ("epoch_ms", "timestamptz"),
        ("epoch_s", "timestamp"),
        ("%d.%m.%Y", "date"),
        ("%d.%m.%Y", "timestamp"),
        ("%y%m%d", "date"),
        ("%Y-%j", "date"),
        ("%d/%b/%Y:%H:%M:%S %z", "timestamptz"),
        ("%m/%d/%Y %I:%M:%S %p", "timestamp"),
        ("%F %T.%f", "timestamptz"),
        ("%H:%M", "time"),
        ("%a, %d %b %Y %T", "timestamptz"),
    ],
)
def test_a_format_that_says_all_parts_is_sound(written: str, type_name: str) -> None:
    assert time_format_fault(written, type_name) is None


@pytest.mark.parametrize(
    ("written", "type_name", "reason"),
    [
        ("%d.%m.", "date", "a year, a month and a day"),
        ("%Y", "timestamptz", "a year, a month and a day"),
        ("%d.%m.%Y %H:%M", "date", "no time of day"),
        ("%d.%m.%Y %H", "timestamp", "an hour needs its minute"),
        ("%d.%m.%Y %I:%M", "timestamp", "add %p"),
        ("%d.%m.%Y %p", "timestamp", "needs a 12-hour hour"),
        ("%d.%m.%Y %d", "date", "has a part of the time twice"),
        ("%F %T %Z", "timestamptz", "an abbreviation may mean"),
        ("%F %T %z", "timestamp", "declare timestamptz"),
        ("%F %T %f", "timestamp", "after a point"),
        ("%F %H:%M.%f", "timestamp", "needs its seconds"),
        ("%s", "timestamptz", "write epoch_s"),
        ("%-d.%m.%Y", "date", "one digit as well as two"),
        ("%Q", "date", "unknown directive %Q"),
        ("%", "date", "unknown directive %"),
        ("dd.mm.yyyy", "date", "strptime's directives"),
        ("epoch", "timestamptz", "epoch_s"),
        ("epoch_s", "date", "an instant, not a date"),
        ("%F", "time", "nothing else"),
        ("iso", "string", "does not have a time format"),
        ("%F\n", "date", "control characters"),
    ],
)
def test_a_format_that_leaves_a_doubt_is_refused(written: str, type_name: str, reason: str) -> None:
    assert reason in (time_format_fault(written, type_name) or "")


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Etc/GMT+5", "America/Argentina/Ushuaia"])
def test_the_zones_of_the_iana_are_known(name: str) -> None:
    assert timezone_fault(name) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("+02:00", "write it like"),
        ("", "write it like"),
        ("localtime", "not a time zone"),
        ("../../etc/passwd", "not a time zone"),
    ],
)
def test_other_names_are_no_zones(name: str, meant: str) -> None:
    assert meant in (timezone_fault(name) or "")


def test_polars_knows_every_zone_that_is_let_through() -> None:
    times = pl.Series([0]).cast(pl.Datetime("us"))
    for name in available_timezones():
        if timezone_fault(name) is None:
            times.dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")


def test_a_format_is_judged_without_polars() -> None:
    said = (
        "import sys, ingest_project.settings.time_formats, ingest_project.settings.column_types; "
        "print('polars' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
