import codecs
import csv
import io
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.read import ReadResult
from ingest_project_tests.reading.factories import read, reasons, values

COLUMNS = {"a": "long", "m": "decimal(12,2)", "s": "string"}
NAMES = tuple(COLUMNS)


def read_csv(
    *bodies: bytes, dialect: CsvDialect, columns: dict[str, str] | None = COLUMNS, new: bool = False
) -> ReadResult:
    options = FormatOptions(csv=dialect)
    return read(*bodies, columns=columns, file_format="csv", allow_new_columns=new, options=options)


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " ", "\x01", ".", "^"])
def test_fields_are_parted_by_the_delimiter_alone(delimiter: str) -> None:
    lines = [["a", "s"], ["1", "x,y"], ["2", ""], ["3", f'"p{delimiter}q"']]
    body = "\n".join(delimiter.join(line) for line in lines).encode()

    result = read_csv(body, body.replace(b'"', b"'").partition(b"\n3")[0], dialect=CsvDialect(delimiter))

    assert result.failures == ()
    assert values(result, "s") == ["x,y", None, f"p{delimiter}q", "x,y", None]


def test_another_quote_leaves_the_double_quote_to_the_data() -> None:
    result = read_csv(b"a,s\n1,'x, ''y'''\n2,5\" pipe\n", dialect=CsvDialect(quote="'"))

    assert values(result, "s") == ["x, 'y'", '5" pipe']


def test_without_quotes_every_quote_is_data() -> None:
    result = read_csv(b'a\ts\n1\t5" pipe\n2\t"x"\n', dialect=CsvDialect("\t", quote=None))

    assert values(result, "s") == ['5" pipe', '"x"']


def test_without_a_header_the_fields_are_the_declared_columns_in_order() -> None:
    dialect = CsvDialect(names=("s", "a", "m"))
    result = read_csv(b"x,1,1.10\n", b"", b'\n"y, z",2,\n\n,3,0', b"\n", dialect=dialect)

    assert result.failures == ()
    assert list(result.rows.values()) == [1, 0, 2, 0]
    assert values(result, "a") == [1, 2, 3]
    assert values(result, "m") == [Decimal("1.10"), None, Decimal(0)]
    assert values(result, "s") == ["x", "y, z", None]


def test_without_a_header_the_table_may_have_further_columns() -> None:
    result = read_csv(
        b"1,x\n", columns={"later": "long", "a": "long", "s": "string"}, dialect=CsvDialect(names=("a", "s"))
    )

    assert (values(result, "later"), values(result, "a"), values(result, "s")) == ([None], [1], ["x"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"1,2,x\n3\n", "line 2: it has 1 fields instead of 3"),
        (b"1,2,x,y\n", "line 1: it has 4 fields instead of 3"),
        (b'1,2,"x"\n3\n', "line 2: it has 1 fields instead of 3"),
        (b'1,2,"x\n', "line 1: a quote is misplaced"),
    ],
)
def test_ragged_lines_without_a_header_fail_their_object_alone(body: bytes, reason: str) -> None:
    result = read_csv(b"1,2,x\n", body, b"3,4,z\n", dialect=CsvDialect(names=NAMES))

    assert list(reasons(result)) == ["1"]
    assert reason in reasons(result)["1"]
    assert values(result, "a") == [1, 3]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a;m;s\n1;2;x\n3\n", "line 3: it has 1 fields instead of 3"),
        (b"a;m;s\n1;2;x;\n", "line 2: it has 4 fields instead of 3"),
        (b'a;m;s\n1;2;"x"\n3;4\n', "line 3: it has 2 fields instead of 3"),
    ],
)
def test_ragged_lines_fail_their_object_alone_whatever_the_delimiter(body: bytes, reason: str) -> None:
    result = read_csv(b"a;m;s\n1;2;x\n", body, dialect=CsvDialect(";"))

    assert reason in reasons(result)["1"]
    assert values(result, "a") == [1]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "shift_jis"])
def test_text_is_read_in_its_encoding(encoding: str) -> None:
    letters = "日本" if encoding == "shift_jis" else "éüß"
    body = f'a,s\r\n1,{letters}\r\n2,"{letters}\n"\r\n'.encode(encoding)

    result = read_csv(body, dialect=CsvDialect(encoding=encoding))

    assert result.failures == ()
    assert values(result, "s") == [letters, f"{letters}\n"]


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("declared", ["utf-8", "cp1252", "utf-16-le"])
def test_a_byte_order_mark_counts_for_more_than_the_settings(
    mark: bytes, encoding: str, declared: str
) -> None:
    result = read_csv(mark + "a,s\n1,é\n".encode(encoding), dialect=CsvDialect(encoding=declared))

    assert values(result, "s") == ["é"]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"a,s\n1,\xe9\n", "utf-8"),
        (b"a,s\n1,\x81\n", "cp1252"),
        ("a,s\n1,é\n".encode("utf-16")[:-1], "utf-8"),
        (b"\xff\xfe" + "a,s\n1,".encode("utf-16-le") + b"\x00\xd8", "utf-8"),
        ("a,s\n1,x\n".encode("utf-16-le"), "utf-8"),
        (b"a,s\n1,\xc3\xa9\n", "ascii"),
        ("a,s\x851,x\x85".encode("cp037"), "cp037"),
    ],
)
def test_text_of_another_encoding_is_unreadable(body: bytes, encoding: str) -> None:
    result = read_csv(body, dialect=CsvDialect(encoding=encoding))

    assert re.match(r"unreadable: (line \d: )?it", reasons(result)["0"])


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_null_values_are_null_quoted_or_not_and_the_empty_string_is_itself(quote: bytes) -> None:
    body = b'a,s\nNA,x\n1,N/A\n2,%sNA%s\n3,\n4,""\n5,NAN' % (quote, quote)

    result = read_csv(body, dialect=CsvDialect(null_values=("NA", "N/A")))

    assert values(result, "a") == [None, 1, 2, 3, 4, 5]
    assert values(result, "s") == ["x", None, None, None, "", "NAN"]


def test_null_values_do_not_decide_the_type_of_a_column() -> None:
    result = read_csv(b"n\n1\n-\n3\n", columns=None, dialect=CsvDialect(null_values=("-",)))

    assert values(result, "n") == [1, None, 3]


def test_lines_that_start_with_the_comment_are_no_rows() -> None:
    body = b'# it\'s "raw\na,s\n#1,x\n1,x#y\n2,"#z"\n3,"p\n#q"\r\n#"\n4,\n#'

    result = read_csv(body, b"#\n", b"a,s\n5,w\n# end", dialect=CsvDialect(comment="#"))

    assert result.failures == ()
    assert list(result.rows.values()) == [4, 0, 1]
    assert values(result, "a") == [1, 2, 3, 4, 5]
    assert values(result, "s") == ["x#y", "#z", "p\n#q", None, "w"]


@pytest.mark.parametrize("body", [b'a,s\n#\n1,"x"y\n', b'a,s\n#\n1,"x\n'])
def test_a_misplaced_quote_hides_no_row_behind_a_comment(body: bytes) -> None:
    result = read_csv(body, dialect=CsvDialect(comment="#"))

    assert reasons(result)["0"].startswith("unreadable: ")


def test_a_quote_within_a_field_is_a_character_and_hides_no_row_behind_a_comment() -> None:
    result = read_csv(b'a,s\n#\n1,5" pipe\n# "\n2,x\n', dialect=CsvDialect(comment="#"))

    assert values(result, "s") == ['5" pipe', "x"]


@pytest.mark.parametrize(
    "body", [b"", b"\n\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"# x\n", b"a;s\n", b"\n#\na;s"]
)
def test_no_rows_is_no_failure_in_any_dialect(body: bytes) -> None:
    result = read_csv(body, b"a;s\n1;x\n", dialect=CsvDialect(";", comment="#"))

    assert list(result.rows.values()) == [0, 1]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]
CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\x85\ufeff\ufffe\uefbb")
    | st.sampled_from("\n;|#'\","),
    min_size=1,
    max_size=6,
)
DIALECTS = st.builds(
    CsvDialect,
    delimiter=st.sampled_from(";|,"),
    quote=st.sampled_from("\"'"),
    names=st.none() | st.just(("c", "d")),
    encoding=st.sampled_from(ENCODINGS),
    comment=st.none() | st.just("#"),
)


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS | st.none()), min_size=1, max_size=6),
    dialect=DIALECTS,
    end=st.sampled_from(["\n", "\r\n"]),
    compact=st.booleans(),
)
def test_what_python_writes_in_any_dialect_is_read_back(
    rows: list[tuple[str, str | None]], dialect: CsvDialect, end: str, compact: bool
) -> None:
    written = io.StringIO()
    # A first field that starts like a comment must be quoted, which Python does not know.
    minimal = compact and not any(first.startswith("#") for first, _ in rows)
    writer = csv.writer(
        written,
        lineterminator=end,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        quoting=csv.QUOTE_MINIMAL if minimal else csv.QUOTE_ALL,
    )
    header = [] if dialect.names else [("c", "d")]
    for row in [*header, *rows]:
        written.write(f"{dialect.comment} a comment's \"{end}" if dialect.comment else "")
        writer.writerow(row)
    null = None if minimal else ""

    body = written.getvalue().encode(dialect.encoding)
    result = read_csv(body, dialect=dialect, columns={"c": "string", "d": "string"})

    assert result.failures == ()
    expected = [(first, null if second is None else second) for first, second in rows]
    assert list(zip(values(result, "c"), values(result, "d"), strict=True)) == expected
