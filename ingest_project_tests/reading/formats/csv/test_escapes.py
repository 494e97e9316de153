"""Escape sequences of CSV, as databases and Spark dump it: whole, in pieces, and in bad rows."""

import pytest

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version
from ingest_project_tests.reading.formats.csv.readings import cuts, outcome

COLUMNS = {"n": "long", "s": "string", "t": "string"}
MYSQL = CsvDialect("\t", escape="\\", names=("n", "s", "t"))
MYSQL_ENCLOSED = CsvDialect(escape="\\", names=("n", "s", "t"))
POSTGRES_TEXT = CsvDialect("\t", quote=None, escape="\\", names=("n", "s", "t"))
REDSHIFT = CsvDialect("|", escape="\\", names=("n", "s", "t"))
SPARK = CsvDialect(quote_escape="\\")
NUMBERED = {"n": "long", "s": "string"}


def rows(body: bytes, dialect: CsvDialect, *, in_pieces: bool = False) -> list[tuple[object, ...]]:
    found = outcome(body, COLUMNS, dialect=dialect, in_pieces=in_pieces)
    assert (found.rejected, found.failure) == ([], None)
    return [tuple(row.values()) for row in found.rows]


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        (
            MYSQL,
            b'1\ta\\\tb\\\\\\\\t\t\\N\n2\ttwo\\\nlines\\\\\t\\\\N\n3\t\\0\t\\"\n',
            [(1, "a\tb\\\\t", None), (2, "two\nlines\\", "\\N"), (3, "\0", '"')],
        ),
        (
            MYSQL_ENCLOSED,
            b'1,"say \\"hi\\", then",\\N\n2,"two\\\nlines","C:\\\\dir\\\\"\n3,plain,"two\nlines"\n',
            [(1, 'say "hi", then', None), (2, "two\nlines", "C:\\dir\\"), (3, "plain", "two\nlines")],
        ),
        (
            POSTGRES_TEXT,
            b'1\tx\\ny\\tz\t\\N\n2\t"5"\t\\b\\f\\r\\v\\\\n\n3\t\t\\\\\\\\\n',
            [(1, "x\ny\tz", None), (2, '"5"', "\b\f\r\v\\n"), (3, None, "\\\\")],
        ),
        (
            REDSHIFT,
            b"1|a\\|b|two\\\nlines\\\r\\\n\n2|\\\"x\\\"|\\\\\n3|'|\\'\n".replace(b"\\'", b"'"),
            [(1, "a|b", "two\nlines\r\n"), (2, '"x"', "\\"), (3, "'", "'")],
        ),
        (
            SPARK,
            b'n,s,t\n1,"say \\"hi\\", then",C:\\new\\\n2,"\\\\","a\\nb\\\\"\n3,\\\\host,"two\nlines"\n',
            [(1, 'say "hi", then', "C:\\new\\"), (2, "\\", "a\\nb\\"), (3, "\\\\host", "two\nlines")],
        ),
    ],
)
def test_what_others_write_is_read(
    dialect: CsvDialect, body: bytes, expected: list[tuple[object, ...]], in_pieces: bool
) -> None:
    assert rows(body, dialect, in_pieces=in_pieces) == expected


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (MYSQL, b'1\ta\\\tb\tc\n2\ttwo\\\nlines\\\\\tx\n3\tq\n4\t\\q\tx\nx\t\\\n\\\n\ty\\"\n5\ta\tb\n'),
        (SPARK, b'n,s,t\n1,"a\\"\nb",c\n2,"x"y",d\n3,"\\\\"\nx,5" C:\\\\,"\\""\n4,5" C:\\\\,"\\""\n5,a,b\n'),
    ],
)
def test_pieces_give_the_same_rows_and_bad_rows_wherever_they_are_cut(
    dialect: CsvDialect, body: bytes
) -> None:
    whole = told([Content(object_version("k", version_id="v"), (body,), WRITTEN_AT)], dialect)

    for contents in cuts(body, dialect):
        assert told(contents, dialect) == whole
    assert len(whole[1]) > 1


def told(contents: list[Content], dialect: CsvDialect) -> tuple[list[object], list[object]]:
    reading = Reading("csv", Target(COLUMNS, "fail"), FormatOptions(csv=dialect), quarantines=True)
    results = [read_contents([one], reading) for one in contents]
    frames = [one.frame for one in results if one.frame is not None]
    rejected = [one.rejected for one in results if one.rejected is not None]
    return (
        [row for frame in frames for row in frame.select("n", "s", "t").rows()],
        [row for frame in rejected for row in frame.select("line_number", "raw", "column_name").rows()],
    )


def test_bad_rows_keep_their_text_and_line() -> None:
    body = b"1\ttwo\\\nlines\ta\n2\tx\\\ty\nz\t\\\\\ttwo\\\nlines\n3\t\\q\tb\n"

    found = told([Content(object_version("k", version_id="v"), (body,), WRITTEN_AT)], MYSQL)

    assert found == (
        [(1, "two\nlines", "a")],
        [
            (3, "2\tx\\\ty", None),
            (4, "z\t\\\\\ttwo\\\nlines", "n"),
            (6, "3\t\\q\tb", "s"),
        ],
    )


def test_an_unknown_sequence_is_a_bad_row_whose_reason_shows_it() -> None:
    found = outcome(b"n,s\n1,\\q\n2,a\\\\q\n3,x\\", NUMBERED, dialect=CsvDialect(escape="\\"))

    assert found.rows == [{"n": 2, "s": "a\\q"}]
    assert [reason for *_, reason in found.rejected] == [
        "column 's': '\\\\q' has an unknown escape sequence",
        "column 's': 'x\\\\' has an unknown escape sequence",
    ]


def test_good_rows_beside_bad_ones_are_read_again_as_they_are() -> None:
    body = b'n,s,new\n1,5" C:\\\\x,a\\\\\n2,"a\\"b","\\\\"\nx,y,z,w\n'

    found = outcome(body, NUMBERED, dialect=CsvDialect(quote_escape="\\"))

    assert found.rows == [
        {"n": 1, "s": '5" C:\\\\x', "new": "a\\\\"},
        {"n": 2, "s": 'a"b', "new": "\\"},
    ]


def test_names_in_a_header_may_be_escaped() -> None:
    assert outcome(
        b"a\\,b,s\n1,x\n", {"a,b": "long", "s": "string"}, dialect=CsvDialect(escape="\\")
    ).rows == [{"a,b": 1, "s": "x"}]


def test_a_reserved_character_of_the_file_itself_stays() -> None:
    body = "n,s\n1,\ufdd0b\ufdd0\\\\\ufdd0\nx,\\,\ufdd0b\n".encode()

    found = outcome(body, NUMBERED, dialect=CsvDialect(escape="\\"))

    assert found.rows == [{"n": 1, "s": "\ufdd0b\ufdd0\\\ufdd0"}]
    assert found.rejected[0][2] == "column 'n': 'x' is not a valid long"
