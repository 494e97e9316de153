"""Excel's first line `sep=;` is passed over and tells the delimiter of its file, whole or in pieces."""

import pytest

from ingest_project.reading.format_options import CsvDialect
from ingest_project_tests.reading.archives import zipped
from ingest_project_tests.reading.factories import read, reasons, values
from ingest_project_tests.reading.formats.csv.readings import Outcome, outcome
from ingest_project_tests.reading.formats.csv.test_header import NUMBERED, WAYS


@WAYS
@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("line", ["sep={}\r\n", "SEP={}\n", '"sep={}"\n', "sep={}\r\n\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_line_tells_the_delimiter_whatever_the_table_says(
    encoding: str, line: str, delimiter: str, in_pieces: bool, quarantines: bool
) -> None:
    rows = [["n", "s"], ["1", "x"], ["2", '"y\nz"'], ["3", ""]]
    text = line.format(delimiter) + "".join(f"{delimiter.join(row)}\r\n" for row in rows)

    found = outcome(text.encode(encoding), NUMBERED, in_pieces=in_pieces, quarantines=quarantines)

    assert found == Outcome([{"n": 1, "s": "x"}, {"n": 2, "s": "y\nz"}, {"n": 3, "s": None}], [])


@pytest.mark.parametrize("in_pieces", [False, True])
def test_line_numbers_count_it(in_pieces: bool) -> None:
    body = b"sep=;\r\nn;s\r\n1;x\r\nz;y\r\n2\r\n3;,\r\n"

    found = outcome(body, NUMBERED, in_pieces=in_pieces)

    assert found.rows == [{"n": 1, "s": "x"}, {"n": 3, "s": ","}]
    assert [(line, column) for line, column, _ in found.rejected] == [(4, "n"), (5, None)]
    failed = outcome(b"sep=;\nn;s\n1;x\n2\n", NUMBERED, quarantines=False)
    assert failed.failure == "unreadable: line 4: it has 1 fields instead of 2"


@pytest.mark.parametrize("in_pieces", [False, True])
def test_it_stands_above_files_without_a_header_too(in_pieces: bool) -> None:
    dialect = CsvDialect(names=("n", "s"))

    found = outcome(b"sep=;\n1;x\nz;x\n2;y\n", NUMBERED, in_pieces=in_pieces, dialect=dialect)

    assert found.rows == [{"n": 1, "s": "x"}, {"n": 2, "s": "y"}]
    assert [line for line, *_ in found.rejected] == [3]


def test_each_file_is_of_its_own_delimiter() -> None:
    bodies = [b"n,s\n1,x\n", b"sep=;\nn;s\n2;y,\n", zipped({"a": b"sep=|\nn|s\n3|z\n", "b": b"n,s\n4,w\n"})]

    result = read(*bodies, b"sep=;\n", b"sep=;", columns=NUMBERED, file_format="csv")

    assert reasons(result) == {}
    assert list(result.rows.values()) == [1, 1, 2, 0, 0]
    assert values(result, "s") == ["x", "y,", "z", "w"]


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (b"sep=a\n1\n", CsvDialect()),
        (b"sep=;,s\n1,2\n", CsvDialect()),
        (b"sep=#\n1\n", CsvDialect(comment="#")),
        (b"sep='\n1\n", CsvDialect(quote="'")),
        (b"\nsep=;\n1\n", CsvDialect()),
    ],
)
def test_what_is_no_such_line_is_a_header(body: bytes, dialect: CsvDialect) -> None:
    (row, *_) = outcome(body, dialect=dialect).rows or [{}]

    assert any(name.startswith("sep=") for name in row) or b"'" in body
