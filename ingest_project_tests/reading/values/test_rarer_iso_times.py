"""ISO 8601 as programs write it, beside a parser of plain Python that knows nothing of Polars."""

import random
import re
from datetime import UTC, datetime, time, timedelta, timezone

import polars as pl
import pytest

from ingest_project.reading.values.rarer_iso_times import respelled
from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.time_formats import parse_times
from ingest_project.settings.time_formats import time_format_fault
from ingest_project_tests.reading.factories import read, reasons

ZONED = pl.Datetime("us", "UTC")
DOTNET, GO, SQL_SERVER = (
    "2026-11-20T13:00:00.1234560Z", "2026-11-20 13:00:00.123456 +0000 UTC",
    "2026-11-20 14:00:00.1234560 +01:00"
)  # fmt: skip
PARSER = re.compile(
    r"(?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)[Tt ]"
    r"(?P<hour>\d\d)(?P<colon>:?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?: ?(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?)| (?:[+-]00:?00 )?UTC)?",
    re.ASCII,
)


def parsed_by_python(text: str, *, truncates: bool = False) -> datetime | None:
    """The instant by the documents: exact or None, UTC without offset, no leap seconds, years 1 to 9999."""
    match = PARSER.fullmatch(text)
    if match is None or bool(match["dash"]) != bool(match["colon"]):
        return None
    fraction = (match["fraction"] or "").ljust(9, "0")
    if int(fraction[6:]) and not truncates:
        return None
    try:
        parts = [int(match[unit] or 0) for unit in ("year", "month", "day", "hour", "minute", "second")]
        naive = datetime(*parts, int(fraction[:6]), tzinfo=timezone(_ahead(match["offset"] or "Z")))  # type: ignore[arg-type,misc]
        return naive.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _ahead(offset: str) -> timedelta:
    if offset[0] not in "+-":
        return timedelta()
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if minutes > 59:
        raise ValueError(offset)
    return timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)


def some_text(chance: random.Random) -> str:
    """A time as some program may write it; in a part of the cases with a flaw."""
    moment = datetime(1, 1, 2, tzinfo=UTC) + timedelta(
        days=chance.randrange(3_652_000), seconds=chance.randrange(86_400)
    )
    basic = chance.random() < 0.3
    day = f"{moment.year:04}" + moment.strftime("%m%d" if basic else "-%m-%d")
    clock = moment.strftime("%H%M" if basic else "%H:%M")
    if chance.random() < 0.8:
        clock += moment.strftime("%S" if basic else ":%S")
        if chance.random() < 0.7:
            digits = chance.randint(1, 9)
            zeros = chance.choice(["", "0" * max(0, digits - 6)])
            clock += "." + ("".join(chance.choices("0123456789", k=digits - len(zeros))) + zeros)
    offset = chance.choice(
        ["", "Z", "z", "+00", "+01", "-0330", "+05:30", " +01:00", " UTC", " +0000 UTC", " Z", "-23:59"]
    )
    text = day + chance.choice("TTTt ") + clock + offset
    if chance.random() < 0.2:
        place = chance.randrange(len(text))
        text = (
            text[:place]
            + chance.choice(["", "0", "9", ":", "-", " ", "x", "\u0663", "."])
            + text[place + 1 :]
        )
    return text


def test_texts_are_read_as_a_plain_parser_reads_them() -> None:
    chance = random.Random(20_261_128)  # noqa: S311 - a seed for texts, no secret
    texts = [some_text(chance) for _ in range(20_000)]
    column = pl.Series("c", texts)

    for form, truncates in (("iso", False), ("iso_truncated", True)):
        found = parse_times(column, ZONED, (form,), None).to_list()
        expected = [parsed_by_python(text, truncates=truncates) for text in texts]
        wrong = [
            (text, one, other)
            for text, one, other in zip(texts, found, expected, strict=True)
            if one != other and not is_lenient(text)
        ]
        assert wrong == []
        assert 0.4 < sum(one is not None for one in expected) / len(texts) < 0.95, "both kinds are tried"


def is_lenient(text: str) -> bool:
    """Where the usual form takes a number of one digit, or more zeros than nine digits, as it always did."""
    return re.search(r"(?<![0-9.])[0-9](?![0-9])|[.][0-9]{6}0{4,}", text) is not None


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("timestamptz", DOTNET, datetime(2026, 11, 20, 13, 0, 0, 123_456, UTC)),
        ("timestamptz", GO, datetime(2026, 11, 20, 13, 0, 0, 123_456, UTC)),
        ("timestamptz", SQL_SERVER, datetime(2026, 11, 20, 13, 0, 0, 123_456, UTC)),
        ("timestamptz", "2026-11-20T13:00", datetime(2026, 11, 20, 13, tzinfo=UTC)),
        ("timestamptz", "2026-11-20 13:00Z", datetime(2026, 11, 20, 13, tzinfo=UTC)),
        ("timestamptz", "20261120T130000Z", datetime(2026, 11, 20, 13, tzinfo=UTC)),
        ("timestamptz", "20261120T1300+01", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("timestamptz", "2026-11-20t13:00:00.5z", datetime(2026, 11, 20, 13, 0, 0, 500_000, UTC)),
        ("timestamp", "20261120t130000.1", datetime(2026, 11, 20, 13, 0, 0, 100_000)),  # noqa: DTZ001
        ("timestamp", "2026-11-20 13:00Z", None),
        ("timestamptz", "20261120T13:00:00", None),
        ("timestamptz", "2026-11-20T1300", None),
        ("timestamptz", "2026-11-20T13:00:00.1234567Z", None),
        ("timestamptz", "2026-11-20T13", None),
        ("timestamptz", "2026-11-20T24:00", None),
        ("timestamptz", "2026-02-30T13:00", None),
        ("timestamptz", "20261120", None),
        ("date", "20261120", None),
        ("time", "13:00", time(13)),
        ("time", "13:00:00.1234560", time(13, 0, 0, 123_456)),
        ("time", "130000", None),
        ("time", "1300", None),
    ],
)  # fmt: skip
def test_rarer_forms_of_iso_times(type_name: str, text: str, value: object) -> None:
    usual = {"timestamptz": "2026-11-20T00:00:00Z", "timestamp": "2026-11-20T00:00:00"}.get(type_name)

    assert from_text(pl.Series("c", [text, usual, None]), type_name).to_list()[::2] == [value, None]


def test_a_time_without_offset_is_one_of_the_column_s_zone() -> None:
    texts = pl.Series("c", ["2026-07-01T12:00", "20260701T120000", "2026-07-01T12:00Z", "2026-03-29T02:30"])

    found = parse_times(texts, ZONED, ("iso",), "Europe/Berlin").to_list()

    assert found == [datetime(2026, 7, 1, 10, tzinfo=UTC)] * 2 + [datetime(2026, 7, 1, 12, tzinfo=UTC), None]


def test_fractions_are_cut_only_where_the_settings_say_so() -> None:
    exact = read(b'{"at": "2026-11-20T13:00:00.1234567Z"}', columns={"at": "timestamptz"})

    (reason,) = reasons(exact).values()
    assert (
        "is not a valid timestamptz, which has no more than microseconds; `format: iso_truncated` removes"
        in reason
    )
    assert time_format_fault("iso_truncated", "timestamptz") is None
    cut = parse_times(
        pl.Series("c", ["2026-11-20T13:00:00.1234569Z", "13:00:00.9"]), ZONED, ("iso_truncated",), None
    )
    assert cut.to_list() == [datetime(2026, 11, 20, 13, 0, 0, 123_456, UTC), None]
    times = parse_times(pl.Series("c", ["13:00:00.1234569", "13:00"]), pl.Time(), ("iso_truncated",), None)
    assert times.to_list() == [time(13, 0, 0, 123_456), time(13)]


def test_usual_times_are_never_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def watched(text: pl.Series, dtype: pl.DataType, *, truncates: bool) -> pl.Series:
        seen.extend(text)
        return respelled(text, dtype, truncates=truncates)

    monkeypatch.setattr("ingest_project.reading.values.time_formats.respelled", watched)
    usual = ["2026-11-20T13:00:00Z", "2026-11-20 13:00:00.5+01:00", None]

    parse_times(pl.Series("c", usual, dtype=pl.String), ZONED, ("iso",), None)
    assert seen == []
    parse_times(pl.Series("c", [*usual, "20261120T1300"], dtype=pl.String), ZONED, ("iso",), None)
    assert seen == ["20261120T1300"]
