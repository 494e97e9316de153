"""The sieve picks the rows that are bad in the usual ways, and leaves the others alone."""

import pytest

from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.formats.csv.sieve import sieved
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.record import Sieved
from ingest_project.reading.target import Target


def sieve(body: bytes, dialect: CsvDialect | None = None, first_line: int = 1) -> Sieved | None:
    options = FormatOptions(csv=dialect or CsvDialect())
    return sieved(Text(body, "s3://landing/0", Target({"a": "long"}), options, first_line))


@pytest.mark.parametrize(
    "row", [b"1,2", b",", b"1,2\r", b'"1","2"', b'1,"two\nlines"', b'1,"a ""word"""', "é,ü".encode()]
)
def test_sound_rows_pass(row: bytes) -> None:
    found = sieve(b"a,b\n\n" + row + b"\n\r\n3,4")

    assert found is not None
    assert found.suspects == []
    assert found.records == [row, b"3,4"]
    assert found.line_numbers == [3, 5 + row.count(b"\n")]
    assert found.header == b"a,b\n"


@pytest.mark.parametrize(
    "row", [b"1", b"1,2,3", b'"1","2",3', b'1,"2"3', b'1,5" disk 3"', b"1,\xff", b"1,2\r3,4"]
)
def test_bad_rows_are_picked(row: bytes) -> None:
    found = sieve(b"a,b\n1,2\n" + row + b"\n3,4\n", first_line=10)

    assert found is not None
    assert [found.line_numbers[place] for place in found.suspects] == [12]


@pytest.mark.parametrize(
    "body",
    [
        b'a,b\n1,"2\n3,4\n',
        b'a,b\n4,"t\n4,"t\n1,t\nt"',
        b'a,b\n1"x,"2\n3,4\n',
        b"\na,b\n1,2\n",
        b"sep=;\na;b\n1;2\n",
        b"a,a\n1,2\n",
        b"",
        "a,b\n1,2\n".encode("utf-16"),
    ],
)
def test_text_whose_rows_or_header_are_in_doubt_is_left_to_the_exact_way(body: bytes) -> None:
    assert sieve(body) is None


@pytest.mark.parametrize(
    "dialect", [CsvDialect(names=("a", "b")), CsvDialect(comment="#"), CsvDialect(encoding="latin-1")]
)
def test_so_is_text_of_other_dialects(dialect: CsvDialect) -> None:
    assert sieve(b"a,b\n1,2\n", dialect) is None
