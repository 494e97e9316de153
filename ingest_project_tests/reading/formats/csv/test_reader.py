import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.read import ReadResult
from ingest_project_tests.reading.factories import read, reasons, values

COLUMNS = {"a": "long", "m": "decimal(12,2)", "s": "string"}


def read_csv(
    *bodies: bytes, columns: dict[str, str] | None = COLUMNS, allow_new_columns: bool = False
) -> ReadResult:
    return read(*bodies, columns=columns, file_format="csv", allow_new_columns=allow_new_columns)


def test_headers_may_differ_in_order_and_in_columns() -> None:
    result = read_csv(b"a,m,s\n1,1.10,x\n", b"a,m,s\r\n2,2,y\r\n", b"s,a\nz,3\n", b"a\n4\n")

    assert result.failures == ()
    assert values(result, "a") == [1, 2, 3, 4]
    assert values(result, "m") == [Decimal("1.10"), Decimal(2), None, None]
    assert values(result, "s") == ["x", "y", "z", None]
    assert values(result, "_source_version") == ["v0", "v1", "v2", "v3"]


def test_an_empty_field_is_null_and_an_empty_string_is_itself() -> None:
    result = read_csv(b'a,m,s\n,,\n1,2,""\n')

    assert values(result, "a") == [None, 1]
    assert values(result, "s") == [None, ""]


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"\r\n\r\n", b"a,m,s", b"a,m,s\n", b"\xef\xbb\xbfa,m,s\r\n", b'"a",s\n']
)
def test_no_rows_is_no_failure(body: bytes) -> None:
    result = read_csv(body, b"a,m,s\n1,,\n", body)

    assert list(result.rows.values()) == [0, 1, 0]
    assert values(result, "a") == [1]


@pytest.mark.parametrize("quote", [b"", b'"'])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_blank_lines_are_no_rows(quote: bytes, end: bytes) -> None:
    s = quote + b"x" + quote
    body = end.join([b"a,s", b"", b"1," + s, b"", b"", b"2,", b"3," + s, b"", b""])

    result = read_csv(body, body)

    assert list(result.rows.values()) == [3, 3]
    assert values(result, "a") == [1, 2, 3] * 2
    assert values(result, "s") == ["x", None, "x"] * 2


def test_quotes_may_hold_commas_quotes_and_line_ends() -> None:
    result = read_csv(b'a,s\n1,"x, ""y""\r\n\n,,"\n2,z\n', b"a,s\n3,w\n")

    assert values(result, "a") == [1, 2, 3]
    assert values(result, "s") == ['x, "y"\r\n\n,,', "z", "w"]
    assert list(result.rows.values()) == [2, 1]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a,m,s\n1,2,x\n3\n", "unreadable: line 3: it has 1 fields instead of 3"),
        (b"a,m,s\n1,2,x,\n", "unreadable: line 2: it has 4 fields instead of 3"),
        (b'a,m,s\n1,2,"x",\n', "unreadable: line 2: it has 4 fields instead of 3"),
        (b"a,m,s\n1,2\n1,2,x,y\n", "unreadable: line 2: it has 2 fields instead of 3"),
        (b'a,m,s\n1,2,"x"\n3\n', "unreadable: line 3: it has 1 fields instead of 3"),
        (b'a,m,s\n1,2,"x\n', "unreadable: line 2: a quote is misplaced"),
        (b'a,s\n1,"x"y\n', "unreadable: line 2: a quote is misplaced"),
        (b"a,s\r1,x\r2,y,\r", "unreadable: line 3: it has 3 fields instead of 2"),
        (b"a,s\n1,x\r2,y\n", "unreadable: line 2: it has a carriage return outside of quotes"),
        (b"a,,s\n1,2,3\n", "schema: the table has no column 'column_2'"),
        (b"a,s,a\n1,2,3\n", "schema: its header names 'a' more than once"),
        (b"a,s\n1,\xff\n", "unreadable: line 2: it is not valid UTF-8"),
        (b"a,zz\n1,2\n", "schema: the table has no column 'zz'"),
        (b"a;m;s\n1;2;x\n", "unreadable: its header names none of the table's columns: 'a;m;s'"),
        (b"a,s\nx1,y\n", "schema: column 'a', line 2: 'x1' is not a valid long"),
        (b"a,m\n1,1.105\n", "schema: column 'm', line 2: '1.105' is not a valid decimal(12,2)"),
        (b"PK\x03\x04\x00", "unreadable: the zip is truncated or corrupt"),
        (b"\x00\x01\x02", "unreadable: its header"),
    ],
)
def test_a_bad_object_leaves_the_others_alone(body: bytes, reason: str) -> None:
    result = read_csv(b"a,m,s\n1,2,x\n", body, b"a,m,s\n3,4,z\n")

    assert list(reasons(result)) == ["1"]
    assert reasons(result)["1"].startswith(reason)
    assert values(result, "a") == [1, 3]


def test_undeclared_columns_are_typed_by_every_row_and_codes_stay_text() -> None:
    result = read_csv(
        b"n,f,b,zip,id,x,empty\n1,1,true,100,9223372036854775807,1e400,\n",
        b"n,f,b,zip,id,x,empty\n-2,1.5,,00501,9223372036854775808,1,\n",
        columns=None,
    )

    assert result.frame is not None
    assert result.frame.columns == ["n", "f", "b", "zip", "id", "x", "_source_uri", "_source_version"]
    assert result.frame.row(1)[:6] == (-2, 1.5, None, "00501", "9223372036854775808", "1")
    assert result.frame.row(0)[2] is True


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6)


@given(rows=st.lists(st.tuples(CELLS, CELLS | st.none()), min_size=1), end=st.sampled_from(["\n", "\r\n"]))
def test_what_python_writes_is_read_back(rows: list[tuple[str, str | None]], end: str) -> None:
    written = io.StringIO()
    csv.writer(written, lineterminator=end).writerows([("c", "d"), *rows])

    result = read_csv(written.getvalue().encode(), columns={"c": "string", "d": "string"})

    assert result.failures == ()
    assert list(zip(values(result, "c"), values(result, "d"), strict=True)) == rows
