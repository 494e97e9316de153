"""A long text with bad rows is read in pieces, with the same result as a whole."""

import re
from collections.abc import Mapping, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading import read as read_module
from ingest_project.reading.bad_rows import dividing
from ingest_project.reading.bad_rows.good_rows import Tolerated
from ingest_project.reading.content import Content
from ingest_project.reading.limits import BadRowLimits, Limits
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.model import SchemaEvolution
from ingest_project.settings.row_limit import RowLimit, row_limit
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version, reasons

NDJSON = ['{"a": 1}', '{"a": "2"}', '{"a": "x"}', "x", "", '{"a": 3, "b": 4}', '{"a": 3, "b": "t"}',
    '{"b": {"c": 1}}', '{"a": 4', '{"a": 5, "b": 1.50}', '["a"]']  # fmt: skip
CSV = ["1,t", "2,", "x,t", "3,t,u", '4,"t', 't"', "", '"5","a\n6,b"', "7", '8,"t" "']
MISPLACED = r"(a quote is misplaced or a field too long) \(.*\)"
REASON = pl.col("reason").str.replace(MISPLACED, "$1")
COLUMNS: Mapping[TableFormat, Mapping[str, str]] = {
    "ndjson": {"a": "long"},
    "csv": {"a": "long", "t": "string"},
    "text": {"line": "string", "line_number": "long"},
}


def texts(lines: list[str], header: str = "") -> st.SearchStrategy[bytes]:
    several = st.lists(st.sampled_from(lines), min_size=1, max_size=12)
    return several.map(lambda found: (header + "\n".join(found)).encode())


CASES = st.one_of(
    st.tuples(st.just("ndjson"), texts(NDJSON)),
    st.tuples(st.just("csv"), texts(CSV, "a,t\n")),
    st.tuples(st.just("text"), texts(["one", "w\r", "\0", ""]).map(lambda text: text.replace(b"w", b"\xff"))),
)  # fmt: skip


@given(
    case=CASES,
    evolution=st.sampled_from(["add_columns", "fail", "rescue"]),
    limit=st.sampled_from([None, 2, "50%"]),
    first_line=st.sampled_from([1, 7]),
)
def test_in_pieces_a_text_gives_what_it_gives_as_a_whole(
    case: tuple[TableFormat, bytes], evolution: SchemaEvolution, limit: int | str | None, first_line: int
) -> None:
    file_format, text = case
    allowed = None if limit is None else row_limit(limit)

    def found(searched_bytes: int) -> ReadResult:
        with pytest.MonkeyPatch.context() as patched:
            limits = Limits(bad_rows=BadRowLimits(searched_bytes=searched_bytes))
            patched.setattr(dividing, "LIMITS", limits)
            return read(file_format, text, evolution, allowed, first_line)

    whole, in_pieces = found(2**20), found(4)

    assert told(in_pieces) == told(whole)


def test_an_object_that_was_neither_read_nor_refused_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_contents: Sequence[Content], _reading: Reading) -> Tolerated:
        return Tolerated(pl.DataFrame(), {}, ())

    monkeypatch.setattr(read_module, "read_tolerantly", nothing)

    result = read("ndjson", b"x\n", "fail")

    assert reasons(result) == {"0": "unknown: it was neither read nor refused"}


def read(
    file_format: TableFormat,
    text: bytes,
    evolution: SchemaEvolution,
    allowed: RowLimit | None = None,
    first_line: int = 1,
) -> ReadResult:
    target = Target(COLUMNS[file_format], evolution)
    content = Content(object_version("0", version_id="v"), (text,), WRITTEN_AT, first_line)
    return read_contents([content], Reading(file_format, target, quarantines=True, row_limit=allowed))


def told(result: ReadResult) -> tuple[object, ...]:
    """All of a result, whatever the order of its rows, except what Python's csv module says of a quote."""
    return (
        rows_of(result.frame),
        rows_of(None if result.rejected is None else result.rejected.with_columns(REASON)),
        result.rows,
        result.rejected_rows,
        {key: re.sub(MISPLACED, r"\1", reason) for key, reason in reasons(result).items()},
    )


def rows_of(frame: pl.DataFrame | None) -> object:
    if frame is None:
        return None
    return dict(frame.schema), sorted(map(repr, frame.rows()))
