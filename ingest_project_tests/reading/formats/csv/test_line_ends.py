"""CSV whose lines end in CR alone, whole and in pieces."""

import pytest

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import CsvDialect
from ingest_project.reading.formats.csv import line_ends
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version, read, values
from ingest_project_tests.reading.formats.csv.readings import Outcome, cuts, outcome
from ingest_project_tests.reading.formats.csv.test_escapes import told

NUMBERED = {"n": "long", "s": "string"}
OBJECT = object_version("k", version_id="v")


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_may_end_in_cr_alone(encoding: str, in_pieces: bool) -> None:
    body = 'n,s\r1,x\r2,"two\nlines\rthree\r\nfour"\r\r3,\r'.encode(encoding)

    found = outcome(body, NUMBERED, in_pieces=in_pieces)

    assert found == Outcome(
        [{"n": 1, "s": "x"}, {"n": 2, "s": "two\nlines\rthree\r\nfour"}, {"n": 3, "s": None}], []
    )


@pytest.mark.parametrize(
    ("dialect", "header"),
    [
        (CsvDialect(), b"n,s,t\r"),
        (CsvDialect(names=("n", "s", "t")), b""),
        (CsvDialect(comment="#"), b'# "x\rn,s,t\r'),
        (CsvDialect(), b"sep=,\rn,s,t\r"),
    ],
)
def test_pieces_give_the_same_rows_and_bad_rows_wherever_they_are_cut(
    dialect: CsvDialect, header: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_ends, "OPENING_BYTES", len(header) + 6)
    body = header + b'0,a,b\r1,a\nb,c\r2,"two\rli\nnes",d\r\r3,x\ry,"a\r\nb",z\r4,"open,x\r5,5" d,"q"\r6,a,b'
    first = header.count(b"\r") + 2

    whole = told([Content(OBJECT, (body,), WRITTEN_AT)], dialect)

    assert whole == (
        [(0, "a", "b"), (2, "two\rli\nnes", "d"), (5, '5" d', "q"), (6, "a", "b")],
        [
            (first, "1,a\nb,c", None),
            (first + 4, "3,x", None),
            (first + 5, 'y,"a\r\nb",z', "n"),
            (first + 7, '4,"open,x', None),
        ],
    )
    for contents in cuts(body, dialect):
        assert told(contents, dialect) == whole


@pytest.mark.parametrize("first", [b"1,a\rb,c\n", b'1,"a\rb",c\n', b"#a\rb\n"])
def test_pieces_of_another_file_are_not_taken_for_such_a_file(first: bytes) -> None:
    dialect = CsvDialect(names=("n", "s", "t"), comment="#")
    body = b"0,a,b\n" + first * 2 + b"2,c,d\n" + first + b"3,c,d\n"

    whole = told([Content(OBJECT, (body,), WRITTEN_AT)], dialect)

    for contents in cuts(body, dialect):
        assert told(contents, dialect) == whole


@pytest.mark.parametrize("body", [b"n,s\n1,a\rb\n", b"n,s\r\n1,a\rb\r\n", b'"n\rx",s\n1,a\rb\n'])
def test_a_cr_within_a_line_of_another_file_is_no_line_end(body: bytes) -> None:
    found = outcome(body, {"n": "long", "n\rx": "long", "s": "string"})

    assert found.rows == []


def test_files_with_different_line_ends_are_read_together() -> None:
    result = read(
        b"n,s\r1,x\r", b"n,s\n2,y\n", b"n,s\r\n3,z\r\n", b"n,s\r", columns=NUMBERED, file_format="csv"
    )

    assert result.failures == ()
    assert values(result, "s") == ["x", "y", "z"]
    assert list(result.rows.values()) == [1, 1, 1, 0]


def test_a_long_header_tells_how_lines_end() -> None:
    header = ",".join(f"column{place}" for place in range(1_000)).encode() + b"\r"
    row = b",".join([b"1"] * 1_000) + b"\r"

    assert len(outcome(header + row * 4, in_pieces=True).rows) == 4


def test_good_rows_beside_bad_ones_are_read_again_as_they_are() -> None:
    body = b'n,s,new\r1,"two\nlines",a\rx,y,z\r2,w,5" d\r3,v\r'

    assert outcome(body, NUMBERED).rows == [
        {"n": 1, "s": "two\nlines", "new": "a"},
        {"n": 2, "s": "w", "new": '5" d'},
    ]


def test_a_lone_carriage_return_outside_of_quotes_is_told() -> None:
    found = outcome(b"n,s\n1,x\ry\n2,z\n", NUMBERED)

    assert found.rows == [{"n": 2, "s": "z"}]
    assert "it has a carriage return outside of quotes" in str(found.rejected)
