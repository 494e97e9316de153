"""What is divided to find its bad rows gives what it gives if each record is looked at by itself."""

import re
from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading import read as read_module
from ingest_project.reading.bad_rows import good_rows
from ingest_project.reading.bad_rows.good_rows import Tolerated
from ingest_project.reading.content import Content
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.model import SchemaEvolution
from ingest_project.settings.row_limit import row_limit
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version, reasons

NDJSON = [
    '{"a": 1}', '{"a": "2"}', '{"a": "x"}', '{"a": 4', '["a"]', "null", "x", "", " \r", '{"a": 7} \r',
    '{"a": 1}{"a": 2}', '\ufeff{"a": 1}', '{"a": 1, "a": 2}', '{"b": 4}', '{"b": "t"}',
    '{"b": {"c": 1}}', '{"b": 1.50}', '{"s": "~"}', '{"t": "2026-11-20T10:00:00Z"}', '{"t": "soon"}',
    '{"t": 1}', '{"d": 1.50}', '{"d": "1.5"}', '{"d": 1.005}', '{"n": {"x": 1}}', '{"n": {"x": "1"}}',
    '{"n": {"x": "y"}}', '{"n": {"x": 1, "y": 2}}', '{"n": []}', '{"s": 5.0}', '{"s": [1.50]}',
    '{"s": "\\ud800"}', '{"b": NaN}',
]  # fmt: skip
CSV = ["1,t", "2,", "x,t", "3,t,u", '4,"t', 't"', "", '"5","a\n6,b"', "7", '8,"t" "']
SAID = r"(a quote is misplaced or a field too long) \(.*\)|(column 'n': ).* (is not)"
"""What depends on neighbours: the words of Python's csv module, and whether a struct was read as text."""
REASON = pl.col("reason").str.replace(SAID, "$1$2$3")
COLUMNS: Mapping[TableFormat, Mapping[str, str]] = {
    "ndjson": {"a": "long", "s": "string", "t": "timestamptz", "d": "decimal(5,2)", "n": "struct<x: int>"},
    "csv": {"a": "long", "t": "string"},
    "text": {"line": "string", "line_number": "long"},
}


def texts(lines: list[str], header: str = "") -> st.SearchStrategy[list[bytes]]:
    """One to three texts, with `~` for a byte that is not UTF-8."""
    several = st.lists(st.sampled_from(lines), min_size=1, max_size=12)
    text = several.map(lambda found: (header + "\n".join(found)).encode().replace(b"~", b"\xff"))
    return st.lists(text, min_size=1, max_size=3)


CASES = st.one_of(
    st.tuples(st.just("ndjson"), texts(NDJSON)),
    st.tuples(st.just("csv"), texts(CSV, "a,t\n")),
    st.tuples(st.just("text"), texts(["one", "~\r", "\0", ""])),
)


@given(
    case=CASES,
    evolution=st.sampled_from(["add_columns", "fail", "rescue"]),
    limit=st.sampled_from([None, 2, "50%"]),
    first_line=st.sampled_from([1, 7]),
)
def test_divided_a_batch_gives_what_it_gives_record_by_record(
    case: tuple[TableFormat, list[bytes]],
    evolution: SchemaEvolution,
    limit: int | str | None,
    first_line: int,
) -> None:
    file_format, texts = case
    target = Target(COLUMNS[file_format], evolution)
    allowed = None if limit is None else row_limit(limit)
    reading = Reading(file_format, target, quarantines=True, row_limit=allowed)

    assert told(read(texts, reading, first_line)) == told(record_by_record(texts, reading, first_line))


INCH = b'id,note\n1,"ok"\n2\xe9" pipe,x\n3,"first\n4,no row\nlast"\n5\xe9" pipe,x\n6,y\n'
LARGE = b'{"a":1,"c":1}\n' * 45_000
"""So much that the object is read by itself."""


@pytest.mark.parametrize(
    ("file_format", "columns", "texts"),
    [
        ("csv", {"id": "string", "note": "string"}, [INCH]),
        ("ndjson", {"C:\\dir": "long"}, [b'{"C:\\\\dir": 1}', b'{"C:\\\\dir": "x"}\n{"C:\\\\dir": 2}']),
        ("csv", None, [b'a,t\n,\n5"x" d,y\n1,2,3\n']),
        ("ndjson", None, [b'{"a":[]}\n\xef\xbb\xbf{"a":[1]}\n[1]\n']),
        ("ndjson", {"a": "long"}, [b'{"a":1,"c":[]}\n{"a":"2","c":["x"]}\n{"a":"oops"}\n']),
        ("ndjson", {"a": "long"}, [b'{"a":"7","c":1.5}\n{"a":2,"c":2.5}\n{"a":"x"}\n', LARGE]),
        ("ndjson", {"a": "long"}, [b'{"a": 1}\n\x0c\n{"a": "x"}\n']),
        ("ndjson", {"a": "long"}, [b'{"a":"7","z":1}\n{"a":1,"y":2}\n[1]\n']),
    ],
)
def test_so_do_batches_that_once_did_not(
    file_format: TableFormat, columns: Mapping[str, str] | None, texts: list[bytes]
) -> None:
    reading = Reading(file_format, Target(columns), quarantines=True)

    assert told(read(texts, reading)) == told(record_by_record(texts, reading))


def test_an_object_that_was_neither_read_nor_refused_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_contents: Sequence[Content], _reading: Reading) -> Tolerated:
        return Tolerated(pl.DataFrame(), {}, ())

    monkeypatch.setattr(read_module, "read_tolerantly", nothing)

    result = read([b"x\n"], Reading("ndjson", Target({"a": "long"}), quarantines=True))

    assert reasons(result) == {"0": "unknown: it was neither read nor refused"}


def read(texts: Sequence[bytes], reading: Reading, first_line: int = 1) -> ReadResult:
    """One object for each text."""
    objects = [object_version(f"{number}", version_id="v") for number in range(len(texts))]
    contents = [
        Content(object_, (text,), WRITTEN_AT, first_line)
        for object_, text in zip(objects, texts, strict=True)
    ]
    return read_contents(contents, reading)


def record_by_record(texts: Sequence[bytes], reading: Reading, first_line: int = 1) -> ReadResult:
    """The same without a sieve."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(good_rows, "divide", lambda _contents, _reading: None)
        return read(texts, reading, first_line)


def told(result: ReadResult) -> tuple[object, ...]:
    """All of a result."""
    return (
        rows_of(result.frame),
        rows_of(None if result.rejected is None else result.rejected.with_columns(REASON)),
        result.rows,
        result.rejected_rows,
        {key: re.sub(SAID, r"\1\2\3", reason) for key, reason in reasons(result).items()},
    )


def rows_of(frame: pl.DataFrame | None) -> object:
    if frame is None or frame.is_empty():  # the columns of no rows do not matter
        return None
    return list(frame.schema.items()), list(map(repr, frame.rows()))
