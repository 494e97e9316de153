"""However rows are read, they have the same values.

They are read together or one by one, typed at once or from their texts, whole or in pieces, alone or beside
other objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.reading.formats.csv import reader
from ingest_project.reading.formats.json import lines
from ingest_project.reading.formats.json.decoding import Lines
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.model import PROVENANCE_COLUMNS, SchemaEvolution
from ingest_project_tests.reading.factories import fetched, read_objects
from ingest_project_tests.reading.streams import cut

INTEGERS = (
    "0",
    "-0",
    "7",
    "-3",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
)
FRACTIONS = (
    "1.5",
    "-0.0",
    "0.1",
    "1e2",
    "1E-3",
    "1.50",
    "100.0",
    "3.4028235e38",
    "1e308",
    "0.30000000000000004",
)
ODD_NUMBERS = ("9223372036854775808", "1e400", "1E+2", "1.005", "12345678901234567890.123", "1e-400", "-1e0")
TEXTS = (
    "",
    "x",
    "ü\u2028\U0001f600",
    "a b",
    "  7 ",
    "007",
    "+7",
    "1.5",
    "true",
    "null",
    "NaN",
    "{}",
    "2026-11-20",
)
TIMES = (
    "2026-11-20T10:00:00Z",
    "2026-11-20 10:00:00.123456+01:00",
    "0001-01-01T00:00:00Z",
    "20261120T100000Z",
)
COLUMNS = {
    "n": "long",
    "i": "int",
    "d": "decimal(10,2)",
    "x": "double",
    "f": "float",
    "s": "string",
    "o": "boolean",
    "t": "timestamptz",
    "l": "list<long>",
    "v": "struct<x: double, y: string, w: list<struct<k: int>>>",
    "m": "map<string, decimal(5,1)>",
}
JSON_OF = {
    "n": INTEGERS,
    "i": ("1", "-2147483648", "5"),
    "d": ("1", "1.5", "-99999999.99", "0.10", "1e2"),
    "x": ("0", "-0", "-0.0", "9007199254740993", "0.1", "1e2", "1E-3", "1e308"),
    "f": ("7", "-0.0", "0.1", "1.5", "16777217", "3.4028235e38"),
    "s": ('""', '"x"', '"\\u00fc\\n\\"\\\\\\/"', '"ü\u2028"', "5", "1.50", "true", '{"a" : 1.0}', '["x", 1]'),
    "o": ("true", "false"),
    "t": tuple(f'"{one}"' for one in TIMES),
    "l": ("[]", "[1, 2]", "[null]", "[9007199254740993]"),
    "v": ("{}", '{"x": 1.5}', '{"y": "z", "x": -0.0}', '{"w": [{"k": 1}, null, {}]}', '{"x": 7, "w": null}'),
    "m": ("{}", '{"a": 1.5, "": null}', '{"ü": 2}'),
}
ANY_JSON = (
    *INTEGERS, *FRACTIONS, *ODD_NUMBERS, *(f'"{one}"' for one in TEXTS), "true", "[]", "{}", '["1"]', '[1.5]',
    '[[1]]', '{"x": "1.5"}', '{"x": "y"}', '{"x": 1, "z": null}', '{"x": 1, "z": 2}', '{"a": true}',
    '{"w": [{"k": 2147483648}]}', '{"w": [{"k": 1, "j": []}]}', '{"a": 1.55}',
    '"\\ud83d"', '"\\ud83d\\ude00"',
)  # fmt: skip
ONE_IN_TEN = (False,) * 9 + (True,)
NO_JSON = ('{"n": 1', "x", "[1]", '{"n": 01}', '{"n": NaN}', '{"s": "\x01"}', '{"n": 1},', '{"n": 1} 5')


def members(column: str, *, is_usual: bool) -> st.SearchStrategy[str]:
    """A value of a column: one of its type if it `is_usual`, else at times null or any other."""
    usual = st.sampled_from(JSON_OF[column])
    return usual if is_usual else usual | usual | st.just("null") | st.sampled_from(ANY_JSON)


@st.composite
def json_lines(draw: st.DrawFn, column: str) -> list[bytes]:
    """Lines of records that have mostly the same fields, this one and perhaps another."""
    names = [column, *draw(st.lists(st.sampled_from([*COLUMNS]), max_size=1))]
    is_odd, is_usual = draw(st.sampled_from([(False, True), (False, False), (True, True), (True, False)]))
    found = []
    for _ in range(draw(st.integers(3, 7))):
        if not is_usual and draw(st.sampled_from(ONE_IN_TEN)):
            found.append(draw(st.sampled_from(NO_JSON)))
            continue
        own = draw(st.lists(st.sampled_from([*COLUMNS]), max_size=2)) if is_odd else names
        space = " " * draw(st.integers(0, int(is_odd)))
        fields = (f'"{name}":{space}{draw(members(name, is_usual=is_usual))}' for name in own)
        found.append("{" + ", ".join(fields) + "}")
    return [one.encode() for one in found]


CSV_COLUMNS = {name: one for name, one in COLUMNS.items() if name in {"n", "d", "x", "s", "o", "t"}}
CSV_OF = {
    "n": INTEGERS,
    "d": ("1", "1.5", "-99999999.99", "0.10", ".5", "1e2"),
    "x": (*INTEGERS[:4], *FRACTIONS, "inf", "nan", "+1.5"),
    "s": TEXTS,
    "o": ("true", "false", "TRUE"),
    "t": TIMES,
}
ODD_FIELDS = (*ODD_NUMBERS, *TEXTS, "x\ny", 'say "hi"', "a,b", '"', "\n", "NULL", "1,5")
NOT_QUOTED_WELL = ('"x"y', '5" disk', 'a"b"')


@st.composite
def csv_rows(draw: st.DrawFn) -> list[bytes]:
    """Records of CSV without their line ends."""
    quotes = draw(st.sampled_from(["needed", "all", "some"]))
    found = []
    for _ in range(draw(st.integers(3, 7))):
        fields = [draw(csv_field(name, quotes)) for name in CSV_COLUMNS]
        match draw(st.sampled_from(range(30))):
            case 10:
                fields.pop()
            case 11:
                fields.append("more")
            case 12:
                fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(NOT_QUOTED_WELL))
        found.append(",".join(fields).encode())
    return found


@st.composite
def csv_field(draw: st.DrawFn, column: str, quotes: str) -> str:
    usual = st.sampled_from(CSV_OF[column])
    text = draw(st.one_of(usual, usual, usual, st.just(""), st.sampled_from(ODD_FIELDS)))
    is_quoted = quotes == "all" or (quotes == "some" and draw(st.booleans())) or set(text) & set('",\n')
    return '"' + text.replace('"', '""') + '"' if is_quoted else text


@dataclass(frozen=True)
class Rows:
    """The values of the good rows, with every bit of a float, and the text and column of bad ones.

    The wording of a reason may show a nested value in another way.
    """

    good: list[str]
    bad: list[tuple[object, ...]]


def rows_of(results: Sequence[ReadResult], *, numbers: bool = False) -> Rows:
    good: list[str] = []
    bad: list[tuple[object, ...]] = []
    for one in results:
        assert one.failures == ()
        if one.frame is not None:
            good += map(repr, one.frame.drop(PROVENANCE_COLUMNS, strict=False).rows())
        if one.rejected is not None:
            columns = [*["line_number"] * numbers, "raw", "column_name"]
            bad += one.rejected.select(columns).rows()
    return Rows(good, bad)


def reading_of(file_format: TableFormat, columns: Mapping[str, str], evolution: SchemaEvolution) -> Reading:
    mapped = tuple(MappedColumn(name, one, name) for name, one in columns.items())
    return Reading(file_format, Target(columns, evolution, ColumnMapping(mapped)), quarantines=True)


@contextmanager
def from_texts() -> Iterator[None]:
    """All fields of JSON are read as texts, and all rows of CSV are divided one by one."""

    def untyped(target: Target) -> Lines:
        found = LINES(target)
        found.is_typed = False
        return found

    with patch.object(lines, "_lines", untyped), patch.object(reader, "is_well_formed", lambda *_: False):
        yield


LINES = lines._lines


def check(reading: Reading, first: bytes, records: Sequence[bytes], *, header: bytes = b"") -> None:
    """`first` is a good record, which keeps a body whose others are bad from being of another format."""
    body = header + first + b"".join(one + b"\n" for one in records)
    alone = [read_objects(fetched(header + first + one + b"\n"), reading) for one in records]
    with from_texts():
        exact = [read_objects(fetched(header + first + one + b"\n"), reading) for one in records]
        all_exact = read_objects(fetched(body), reading)
    whole = read_objects(fetched(body), reading)
    others = read_objects(fetched(header + first * 2, body, header + first), reading)
    pieces = [read_contents([one], reading) for one in cut(body, reading.format, piece_bytes=30)]

    assert rows_of(alone) == rows_of(exact)
    first_row = rows_of([whole]).good[0]
    expected = Rows([first_row, *_without_first_of_each(exact)], rows_of(exact).bad)
    assert rows_of([whole]) == rows_of([all_exact]) == expected
    assert rows_of([others]) == Rows([first_row, first_row, *expected.good, first_row], expected.bad)
    assert rows_of(pieces, numbers=True) == rows_of([whole], numbers=True)


def _without_first_of_each(results: Sequence[ReadResult]) -> list[str]:
    return [row for one in results for row in rows_of([one]).good[1:]]


@pytest.mark.parametrize("column", list(COLUMNS))
@settings(max_examples=8)
@given(data=st.data(), evolution=st.sampled_from(["fail", "rescue"]))
def test_lines_of_json_have_the_same_values_however_they_are_read(
    data: st.DataObject, evolution: SchemaEvolution, column: str
) -> None:
    check(reading_of("ndjson", COLUMNS, evolution), b"{}\n", data.draw(json_lines(column)))


@settings(max_examples=30)
@given(records=csv_rows(), evolution=st.sampled_from(["fail", "rescue"]))
def test_rows_of_csv_have_the_same_values_however_they_are_read(
    records: list[bytes], evolution: SchemaEvolution
) -> None:
    header = ",".join(CSV_COLUMNS).encode() + b"\n"

    check(reading_of("csv", CSV_COLUMNS, evolution), b"1,1,1,a,true,\n", records, header=header)
