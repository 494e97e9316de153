"""CSV that is divided quickly gives what it gives if each row is read by Python's csv module."""

import re
from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.formats.csv import bodies, division, reader
from ingest_project.reading.formats.csv.division import Division, divided
from ingest_project.reading.formats.csv.text import plain_text
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.settings.model import SchemaEvolution
from ingest_project.settings.row_limit import row_limit
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version, reasons

LINES = [
    "1,t", "2,", "x,t", "3,t,u", '4,"t', 't"', "", '"5","a\n6,b"', "7", '8,"t" "', '9,5" d', "~,t", "#,t",
    "1,\r,",
    '"~",t', "\\,t", '"\\"",t', "#\\", "1\\\n,t", "\r",
]  # fmt: skip
SAID = r"(a quote is misplaced or a field too long) \(.*\)"
"""What depends on neighbours: the words of Python's csv module."""
REASON = pl.col("reason").str.replace(SAID, "$1")
COLUMNS = {"a": "long", "t": "string"}
BODIES = st.lists(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=12).map(
        lambda found: ("a,t\n" + "\n".join(found)).encode().replace(b"~", b"\xff")
    ),
    min_size=1,
    max_size=3,
)


@given(
    texts=BODIES,
    evolution=st.sampled_from(["add_columns", "fail", "rescue"]),
    limit=st.sampled_from([None, 2, "50%"]),
    first_line=st.sampled_from([1, 7]),
    options=st.sampled_from([{}, {"comment": "#"}, {"escape": "\\"}, {"quote_escape": "\\"}]),
    in_cr=st.booleans(),
)
def test_what_is_divided_quickly_is_divided_as_row_by_row(
    *,
    texts: list[bytes],
    evolution: SchemaEvolution,
    limit: int | str | None,
    first_line: int,
    options: Mapping[str, str],
    in_cr: bool,
) -> None:
    allowed = None if limit is None else row_limit(limit)
    csv = FormatOptions(csv=CsvDialect(**options))  # type: ignore[arg-type]
    reading = Reading("csv", Target(COLUMNS, evolution), csv, quarantines=True, row_limit=allowed)
    if in_cr:
        texts = [text.translate(bytes.maketrans(b"\r\n", b"\n\r")) for text in texts]

    assert told(read(texts, reading, first_line)) == told(row_by_row(texts, reading, first_line))


@pytest.mark.parametrize(
    ("columns", "texts"),
    [
        (
            {"id": "string", "note": "string"},
            [b'id,note\n1,"ok"\n2\xe9" pipe,x\n3,"first\n4,no row\nlast"\n5\xe9" pipe,x\n6,y\n'],
        ),
        (None, [b'a,t\n,\n5"x" d,y\n1,2,3\n']),
        (COLUMNS, [b"a,t\n1,t\n2\n3,t,u\n"]),
        (COLUMNS, [b"a,t\n1,t\n2\n3,t,u\n4,\xff\n"]),
        (COLUMNS, [b"a,t\n1,t\n2,\xff,\n"]),
        (COLUMNS, [b"a,t\n1,t\n2\n", b"a,t\n1,t,u\n\n3,t\n", b"a,t\n5,u\n"]),
    ],
)
def test_so_do_batches_that_once_did_not(columns: Mapping[str, str] | None, texts: list[bytes]) -> None:
    reading = Reading("csv", Target(columns), quarantines=True)

    assert told(read(texts, reading)) == told(row_by_row(texts, reading))


def test_a_bad_row_among_many_leaves_all_others_at_their_lines() -> None:
    rows = [b"%d,t" % number for number in range(20_000)]
    rows[7_000] = b"7000"
    rows[15_000] = b"15000,t,u"
    rows.insert(9_000, b"")

    result = read([b"a,t\n" + b"\n".join(rows)], Reading("csv", Target(COLUMNS), quarantines=True))

    assert result.rejected is not None
    assert result.rejected.select("line_number", "raw", "reason").rows() == [
        (7_002, "7000", "it has 1 fields instead of 2"),
        (15_003, "15000,t,u", "it has 3 fields instead of 2"),
    ]
    assert result.frame is not None
    assert result.frame["a"].to_list() == [one for one in range(20_000) if one not in {7_000, 15_000}]


@pytest.mark.parametrize(
    "row", [b"1,2", b",", b"1,2\r", b'"1","2"', b'1,"two\nlines"', b'1,"a ""word"""', "é,ü".encode()]
)
def test_good_rows_have_no_fault(row: bytes) -> None:
    found = division_of(b"a,b\n\n" + row + b"\n\r\n3,4")

    assert found.faults == {}
    assert (found.header, found.records) == (b"a,b", [row, b"3,4"])
    assert list(found.numbers) == [3, 5 + row.count(b"\n")]


@pytest.mark.parametrize("row", [b"1", b"1,2,3", b'"1","2",3', b'1,"2"3', b"1,\xff", b"1,2\r3,4", b'1,"2'])
def test_bad_rows_have_one_and_leave_their_neighbours_alone(row: bytes) -> None:
    found = division_of(b"a,b\n1,2\n" + row + b"\n3,4\n", first_line=10)

    assert [found.numbers[place] for place in found.faults] == [12]
    assert b"".join(found.rows(b",\n").lines) == b"1,2\n,\n3,4\n"


def division_of(body: bytes, first_line: int = 1) -> Division:
    return divided(plain_text(body, CsvDialect(), "u"), first_line=first_line, uri="u")


def read(texts: Sequence[bytes], reading: Reading, first_line: int = 1) -> ReadResult:
    """One object for each text."""
    objects = [object_version(f"{number}", version_id="v") for number in range(len(texts))]
    contents = [
        Content(object_, (text,), WRITTEN_AT, first_line)
        for object_, text in zip(objects, texts, strict=True)
    ]
    return read_contents(contents, reading)


def row_by_row(texts: Sequence[bytes], reading: Reading, first_line: int = 1) -> ReadResult:
    """The same with no body that is read or divided quickly."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(division, "_quickly", lambda *_: None)
        patched.setattr(reader, "is_well_formed", lambda *_: False)
        patched.setattr(bodies, "is_well_formed", lambda *_: False)
        return read(texts, reading, first_line)


def told(result: ReadResult) -> tuple[object, ...]:
    """All of a result."""
    return (
        rows_of(result.frame),
        rows_of(None if result.rejected is None else result.rejected.with_columns(REASON)),
        result.rows,
        result.rejected_rows,
        {key: re.sub(SAID, r"\1", reason) for key, reason in reasons(result).items()},
    )


def rows_of(frame: pl.DataFrame | None) -> object:
    if frame is None or frame.is_empty():  # the columns of no rows do not matter
        return None
    return list(frame.schema.items()), list(map(repr, frame.rows()))
