import pytest

from ingest_project.reading.read import ReadResult
from ingest_project_tests.reading.archives import zipped
from ingest_project_tests.reading.factories import read, reasons, values

COLUMNS = {"line": "string", "line_number": "long"}


def read_text(*bodies: bytes, columns: dict[str, str] | None = COLUMNS) -> ReadResult:
    return read(*bodies, columns=columns, file_format="text")


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one", ["one"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n\r\n two \r\n", ["one", "", " two "]),
        (b"one\n\n", ["one", ""]),
        (b"\xef\xbb\xbf\xc3\xa9\rx\x0b\xc2\x85\xe2\x80\xa8y\n", ["é\rx\x0b\x85\u2028y"]),
        (b'"a,b\n{', ['"a,b', "{"]),
    ],
)
def test_each_line_is_a_row_with_its_number(body: bytes, lines: list[str]) -> None:
    result = read_text(b"first\n", body, b"last")

    assert result.failures == ()
    assert list(result.rows.values()) == [1, len(lines), 1]
    assert values(result, "line") == ["first", *lines, "last"]
    assert values(result, "line_number") == [1, *range(1, len(lines) + 1), 1]


def test_the_columns_need_not_be_declared() -> None:
    result = read_text(b"one\n", columns=None)

    assert result.frame is not None
    assert result.frame.rows() == [("one", 1, "s3://landing/0", "v0")]


def test_lines_are_counted_anew_in_each_member_of_a_zip() -> None:
    result = read_text(zipped({"a": b"1\n2\n", "b": b"3"}))

    assert values(result, "line_number") == [1, 2, 1]
    assert list(result.rows.values()) == [3]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"caf\xe9\n", "unreadable: it is not valid UTF-8"),
        (b"half \xc3", "unreadable: it is not valid UTF-8"),
        (b"\xed\xa0\x80", "unreadable: it is not valid UTF-8"),
        (b"a\x00b\n", "unreadable: it is not text: it holds a NUL byte"),
        ("a\n".encode("utf-16"), "unreadable: it is not text"),
    ],
)
def test_what_is_no_utf_8_text_fails_its_object_alone(body: bytes, reason: str) -> None:
    result = read_text(b"first\n", body, b"last\n")

    assert reasons(result)["1"].startswith(reason)
    assert values(result, "line") == ["first", "last"]
