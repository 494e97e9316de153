"""Lines and CSV in pieces: numbers of lines, records that are too long, quotes, comments, encodings."""

import csv
import io
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.content import Content
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv.division import Division, divided
from ingest_project.reading.formats.csv.text import plain_text
from ingest_project_tests.reading.streams import cut, numbered_lines, texts

SIZES = st.integers(1, 60)
RFC_4180 = CsvDialect()


def numbered(text: bytes) -> list[tuple[int, bytes]]:
    return list(enumerate(text.splitlines(keepends=True), start=1))


@given(
    lines=st.lists(st.text("ab é\r", max_size=12)), piece_bytes=SIZES, chunk_bytes=SIZES, ended=st.booleans()
)
def test_lines_are_all_there_whole_and_numbered(
    lines: list[str],
    piece_bytes: int,
    chunk_bytes: int,
    ended: bool,
) -> None:
    body = ("\n".join(lines) + "\n" * ended).encode()

    contents = cut(body, "text", piece_bytes=piece_bytes, chunk_bytes=chunk_bytes)

    pieces = texts(contents)
    assert b"".join(pieces) == body
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    before = accumulate((piece.count(b"\n") for piece in pieces), initial=1)
    assert [content.first_line for content in contents] == list(before)[: len(contents)]


@given(
    sizes=st.lists(st.integers(0, 40), max_size=12), piece_bytes=SIZES, chunk_bytes=SIZES, ended=st.booleans()
)
def test_lines_that_are_too_long_are_told_and_left_out(
    sizes: list[int],
    piece_bytes: int,
    chunk_bytes: int,
    ended: bool,
) -> None:
    lines = [bytes([97 + place % 26]) * size + b"\n" for place, size in enumerate(sizes)]
    if lines and not ended:
        lines[-1] = lines[-1][:-1]

    contents = cut(
        b"".join(lines), "ndjson", piece_bytes=piece_bytes, record_bytes=20, chunk_bytes=chunk_bytes
    )

    expected = {number: line for number, line in enumerate(lines, start=1) if line}
    long = {number: line for number, line in expected.items() if len(line) > 20}
    told = {one.line_number: one for content in contents for one in content.oversized}
    assert {number: one.size_bytes for number, one in told.items()} == {
        number: len(line) for number, line in long.items()
    }
    assert all(one.start and long[number].startswith(one.start) for number, one in told.items())
    assert dict(numbered_lines(contents)) == {
        number: line for number, line in expected.items() if number not in long
    }


def test_only_the_start_of_a_long_line_is_kept() -> None:
    (content,) = cut(b"x" * 10_000, record_bytes=5000, chunk_bytes=100)

    assert [(one.size_bytes, one.start) for one in content.oversized] == [(10_000, b"x" * 4096)]


def csv_text(rows: list[list[str]], line_end: str) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator=line_end).writerows(rows)
    return written.getvalue()


def records(contents: list[Content], dialect: CsvDialect = RFC_4180) -> list[tuple[int, bytes]]:
    """The records of all pieces without headers, as our reader of records finds them in each piece alone."""
    found: list[tuple[int, bytes]] = []
    for content, text in zip(contents, texts(contents), strict=True):
        rows = division(text, dialect, content.first_line)
        found += zip(rows.numbers, rows.records, strict=True)
    return found


def division(text: bytes, dialect: CsvDialect = RFC_4180, first_line: int = 1) -> Division:
    return divided(plain_text(text, dialect, "s3://b/k"), first_line=first_line, uri="s3://b/k")


FIELDS = st.text('a,"\n#é', max_size=6).map(lambda field: field.lstrip("#"))


@settings(max_examples=300)
@given(
    rows=st.lists(st.lists(FIELDS, min_size=2, max_size=3), min_size=1, max_size=12),
    header=st.sampled_from(["a,b\n", '"a","b\nc"\n', "\n\na,b\n", '# a, "\n\na,b\n']),
    line_end=st.sampled_from(["\n", "\r\n"]),
    piece_bytes=SIZES,
    chunk_bytes=SIZES,
)
def test_records_of_csv_are_whole_numbered_and_below_the_header(
    rows: list[list[str]], header: str, line_end: str, piece_bytes: int, chunk_bytes: int
) -> None:
    dialect = CsvDialect(comment="#")
    body = (header + csv_text(rows, line_end)).encode()

    contents = cut(body, "csv", piece_bytes=piece_bytes, chunk_bytes=chunk_bytes, csv=dialect)

    whole = division(body, dialect)
    assert records(contents, dialect) == list(zip(whole.numbers, whole.records, strict=True))


@settings(max_examples=300)
@given(text=st.text('ab,"\n', max_size=60), piece_bytes=SIZES, chunk_bytes=SIZES)
def test_misplaced_quotes_lose_no_line(text: str, piece_bytes: int, chunk_bytes: int) -> None:
    body = ("h,i\n" + text).encode()

    contents = cut(body, "csv", piece_bytes=piece_bytes, record_bytes=25, chunk_bytes=chunk_bytes)

    expected = {number: line for number, line in numbered(body) if len(line) <= 25}
    assert dict(numbered_lines(contents, header_lines=1)) == expected


def test_a_stray_quote_hides_no_line_end() -> None:
    body = b'a,b\n5" pipe,1\n' + b"x,2\n" * 10

    contents = cut(body, "csv", piece_bytes=20)

    assert len(contents) > 2
    assert records(contents)[0] == (2, b'5" pipe,1')


def test_a_quote_that_never_closes_costs_its_own_line_only() -> None:
    body = b"a,b\n" + b"1,2\n" * 5 + b'"open,3\n' + b"4,5\n" * 50

    contents = cut(body, "csv", piece_bytes=20, record_bytes=40)

    assert numbered_lines(contents, header_lines=1) == numbered(body)
    assert not any(content.oversized for content in contents)
    rows = [
        division(text, first_line=content.first_line)
        for content, text in zip(contents, texts(contents), strict=True)
    ]
    assert [one.numbers[place] for one in rows for place in one.faults] == [7]
    assert sum(len(one.records) for one in rows) == 56


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-16", "utf-8"),
        ("utf-16-le", "utf-16-le"),
        ("utf-32", "utf-8"),
        ("latin-1", "iso8859-1"),
        ("utf-8-sig", "iso8859-1"),
    ],
)
@given(piece_bytes=SIZES, chunk_bytes=SIZES)
@settings(max_examples=20)
def test_text_of_any_encoding_becomes_utf_8_with_a_mark(
    encoding: str, declared: str, piece_bytes: int, chunk_bytes: int
) -> None:
    text = 'né,b\n"é\né",1\n' * 9

    contents = cut(
        text.encode(encoding),
        "csv",
        piece_bytes=piece_bytes,
        chunk_bytes=chunk_bytes,
        csv=CsvDialect(encoding=declared),
    )

    pieces = texts(contents)
    assert all(piece.startswith(b"\xef\xbb\xbf" + "né,b\n".encode()) for piece in pieces)
    first, *others = (piece.decode("utf-8-sig") for piece in pieces)
    assert first + "".join(other.removeprefix("né,b\n") for other in others) == text


def test_what_is_not_of_its_encoding_is_unreadable() -> None:
    with pytest.raises(ObjectUnreadable, match="not valid utf-16"):
        cut("a,b\n1,2\n".encode("utf-16")[:-1], "csv")


def test_without_a_header_nothing_stands_above_the_records() -> None:
    contents = cut(b'1,"x\ny"\n' * 5, "csv", piece_bytes=8, chunk_bytes=1, csv=CsvDialect(names=("a", "b")))

    assert texts(contents) == [b'1,"x\ny"\n'] * 5
    assert [content.first_line for content in contents] == [1, 3, 5, 7, 9]


def test_a_header_that_is_too_long_is_unreadable() -> None:
    with pytest.raises(ObjectUnreadable, match="its header is too long: it has 101 bytes"):
        cut(b"a" * 100 + b"\n1\n", "csv", record_bytes=50)


def test_a_header_may_stand_in_a_later_piece() -> None:
    body = b"# one comment, that is long\n\n# another\na,b\n1,2\n3,4\n"

    contents = cut(body, "csv", piece_bytes=1, chunk_bytes=1, csv=CsvDialect(comment="#"))

    assert records(contents, CsvDialect(comment="#")) == [(5, b"1,2"), (6, b"3,4")]
