"""How CSV is written is found out from the text alone."""

import pytest

from ingest_project.preview.csv_dialect import FoundDialect, find_dialect


def found(text: str) -> FoundDialect:
    dialect = find_dialect(text)
    assert dialect is not None
    return dialect


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_parts_all_lines_alike(delimiter: str) -> None:
    rows = [["id", "text", "n"], ["1", "a, b; c", "2"], ["2", "x | y", "3"]]
    text = "".join(delimiter.join(f'"{cell}"' for cell in row) + "\n" for row in rows)

    assert found(text).delimiter == delimiter


def test_decimal_commas_do_not_hide_the_semicolon() -> None:
    dialect = found("name;preis\na;1,50\nb;2,75\n")

    assert (dialect.delimiter, dialect.first) == (";", ("name", "preis"))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("id,name\n1,a\n2,b\n", True),
        ("1,a\n2,b\n", False),
        ("a,2026-11-20\nb,2026-11-21\n", False),
        ("x,x\n1,2\n", True),
        ("anna,berlin\nbert,bonn\n", None),
        (",name\n0,anna\n1,bert\n", True),
        (",berlin\n5,bonn\n7,ulm\n", False),
        ("id,name,,\n1,anna,,\n", True),
        ("name,town,\nanna,ulm,\n", None),
        ("a,a\nb,b\n", False),
    ],
)
def test_header_is_recognised_by_texts_that_are_not_column_names(text: str, header: bool | None) -> None:
    assert found(text).has_header is header


def test_marks_for_null_are_believed_only_among_values() -> None:
    dialect = found("id,n,word\n1,5,NULL\n2,NULL,NA\n3,\\N,x\n")

    assert dialect.null_values == ("NULL", "\\N")
    assert found("id,word\n1,NULL\n2,x\n").null_values == ()
    assert found("1,NULL\n2,5\n").null_values == ("NULL",)
    assert found("1\t\\N\n2\tx\n").null_values == ("\\N",)


def test_comments_above_the_header_are_distinguished_from_a_header() -> None:
    assert found("# exported\nid,name\n1,a\n").comment == "#"
    assert found("#id,name\n1,a\n").comment is None


def test_fields_in_single_quotes_and_line_ends_within_quotes() -> None:
    assert found("id,name\n1,'a,b'\n2,'c,d'\n").quote == "'"
    assert found('id,name\n1,"a\nb"\n2,c\n').records == (("1", "a\nb"), ("2", "c"))


@pytest.mark.parametrize(
    "text", ["one line of words\nand another, longer\nthird\n", "", "\n\n", "word\nword\n"]
)
def test_prose_is_not_a_table(text: str) -> None:
    assert find_dialect(text) is None


def test_ragged_lines_do_not_hide_the_dialect() -> None:
    text = "id;name\n" + "".join(f"{number};n\n" for number in range(30)) + "31\n32;a;b\n"

    assert found(text).delimiter == ";"
    assert len(found(text).first) == 2


@pytest.mark.parametrize(
    ("text", "escape", "quote_escape"),
    [
        ("1\ta\\\tb\t\\N\n2\ttwo\\\nlines\tx\n", "\\", None),
        ("1\tx\\ny\t\\N\n2\tc\\\\d\tx\n", "\\", None),
        ("1|a\\|b\n2|c\n", "\\", None),
        ('id,s\n1,"say \\"hi\\", then"\n2,C:\\new\n', None, "\\"),
        ("id,s\n1,C:\\new\\temp\n2,\\\\host\n", None, None),
        ("1\t\\N\n2\tx\n", None, None),
        ("1\t\\N\tC:\\qa\n2\tx\ty\n", None, None),
        ('id,s\n1,"x"\n2,a\\"b\n', None, None),
    ],
)
def test_the_escape_character_is_found_if_it_is_certain(
    text: str, escape: str | None, quote_escape: str | None
) -> None:
    dialect = found(text)

    assert (dialect.escape, dialect.quote_escape) == (escape, quote_escape)


def test_fields_are_shown_without_escapes_and_the_null_of_dumps_is_implied() -> None:
    dialect = found("1\ta\\\tb\t\\N\n2\ttwo\\\nlines\tx\n")

    assert dialect.null_values == ()
    assert (dialect.first, dialect.records) == (("1", "a\tb", "\\N"), (("2", "two\nlines", "x"),))


def test_lines_may_end_in_cr_alone() -> None:
    dialect = found('id;s\r1;"two\nlines"\r2;x\r')

    assert (dialect.delimiter, dialect.first, len(dialect.records)) == (";", ("id", "s"), 2)
