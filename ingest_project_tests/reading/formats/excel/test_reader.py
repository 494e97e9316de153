"""Excel workbooks as rows, beside what openpyxl shows of the same bytes."""

import gzip
from datetime import date, datetime, time
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl
import pytest

from ingest_project.reading.format_options import ExcelLayout
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project_tests.reading.archives import zipped
from ingest_project_tests.reading.factories import fetched, read_objects, reasons, values
from ingest_project_tests.reading.formats.excel.results import bad, excel, quarantined, rows
from ingest_project_tests.reading.formats.excel.workbooks import (
    MAIN,
    RELATIONS,
    book_part,
    by_hand,
    cell,
    error,
    formula,
    number,
    relations,
    row,
    sheet_part,
    shown_by_openpyxl,
    workbook,
)
from ingest_project_tests.reading.streams import cut

AT = datetime(2026, 11, 20, 10, 11, 12, 345_000)  # noqa: DTZ001
ISO = "2026-11-20T10:11:12.345"


def declared(**types: str) -> Target:
    return Target(types, "fail", ColumnMapping(tuple(MappedColumn(one, types[one], one) for one in types)))


def one_column(*cells: Any) -> bytes:
    return by_hand(row("n", "c"), *(row(place, one) for place, one in enumerate(cells)))


def test_values_are_those_that_openpyxl_shows() -> None:
    rng = Random(7)  # noqa: S311
    table = [
        [
            number,
            f"text {rng.random()}",
            rng.choice([True, False]),
            datetime(1900 + rng.randrange(200), 3, 1 + number % 28, rng.randrange(24), rng.randrange(60)),  # noqa: DTZ001
            date(1900 + rng.randrange(8000), rng.randrange(3, 13), 1 + number % 28),
            time(rng.randrange(24), rng.randrange(60), rng.randrange(60)),
            rng.choice([None, rng.random() * 10 ** rng.randrange(-20, 20)]),
        ]
        for number in range(1, 200)
    ]
    body = workbook(["i", "s", "b", "m", "d", "t", "f"], *table)

    found = excel(body)

    shown = shown_by_openpyxl(body)[1:]
    expected = [[*one[:4], one[4].date(), *one[5:]] for one in shown]
    assert [list(one) for one in rows(found)] == expected
    assert found.frame is not None
    kinds = [pl.Int64(), pl.String(), pl.Boolean(), pl.Datetime("us"), pl.Date(), pl.Time(), pl.Float64()]
    assert found.frame.dtypes[:7] == kinds


@pytest.mark.parametrize("is_1904", [False, True])
def test_dates_are_counted_from_the_workbook_s_own_epoch(is_1904: bool) -> None:
    first = date(1904, 1, 1) if is_1904 else date(1900, 1, 1)
    days = [first, date(1904, 1, 2), date(2024, 2, 29), date(9999, 12, 31)]

    found = excel(workbook(["d"], *([day] for day in days), is_1904=is_1904))

    assert values(found, "d") == days


def test_the_day_that_never_was_and_days_of_no_year_are_not_dates() -> None:
    body = one_column(
        number(59, 1), number(60, 1), number(61, 1), number(0, 1), number(-1, 1), number(2_958_466, 1)
    )

    found = quarantined(body, target=declared(n="long", c="date"))

    assert values(found, "c") == [date(1900, 2, 28), date(1900, 3, 1)]
    assert [reason for _, reason in bad(found)] == [
        f"column 'c': {shown!r} is not a valid date" for shown in ("60", "0", "-1", "2958466")
    ]


def test_numbers_are_the_float64_that_the_file_has_and_integers_keep_their_digits() -> None:
    rng = Random(3)  # noqa: S311
    doubles = [rng.uniform(-1, 1) * 10.0 ** rng.randrange(-300, 300) for _ in range(500)]
    integers = [rng.randrange(-(2**63), 2**63) for _ in range(500)]
    body = by_hand(row("d", "i"), *(row(*pair) for pair in zip(doubles, integers, strict=True)))

    found = excel(body)

    assert rows(found) == list(zip(doubles, integers, strict=True))


def test_digits_beyond_a_float64_are_read_as_excel_reads_them() -> None:
    found = excel(one_column(number("1.1000000000000001"), number("0.30000000000000004"), number("2.50")))

    assert values(found, "c") == [1.1, 0.30000000000000004, 2.5]
    amounts = excel(one_column(number("1.1000000000000001")), columns={"n": "long", "c": "decimal(12,2)"})
    assert values(amounts, "c") == [Decimal("1.10")]


def test_text_among_numbers_is_never_null() -> None:
    body = one_column(1, "n/a", 2.5, True, AT)

    assert values(excel(body), "c") == ["1", "n/a", "2.5", "true", ISO]
    found = quarantined(body, target=declared(n="long", c="double"))
    assert values(found, "c") == [1.0, 2.5]
    assert bad(found) == [
        (3, "column 'c': 'n/a' is not a valid double"),
        (5, "column 'c': 'true' is not a valid double"),
        (6, f"column 'c': '{ISO}' is not a valid double"),
    ]


def test_digits_that_are_text_stay_text_unless_their_column_is_a_number() -> None:
    body = one_column("00501", "7")

    assert values(excel(body), "c") == ["00501", "7"]
    assert values(quarantined(body, target=declared(n="long", c="long")), "c") == [501, 7]
    assert bad(quarantined(body, target=Target({"n": "long", "c": "long"}))) == [
        (2, "column 'c': '00501' is not a valid long")
    ]


@pytest.mark.parametrize("type_name", ["string", "long", "date", "binary", "list<int>", None])
def test_an_error_cell_is_a_bad_value_of_its_column(type_name: str | None) -> None:
    body = one_column(error("#N/A"), None, error("#DIV/0!"))
    target = declared(n="long", c=type_name) if type_name else Target(None)

    found = quarantined(body, target=target)

    assert values(found, "n") == [1]
    assert bad(found) == [(2, "column 'c': its cell is #N/A"), (4, "column 'c': its cell is #DIV/0!")]


def test_error_cells_and_texts_that_are_null_values_are_null() -> None:
    body = one_column(error("#N/A"), "-", 5)

    found = excel(body, layout=ExcelLayout(null_values=("#N/A", "-")))

    assert values(found, "c") == [None, None, 5]


def test_an_error_cell_is_rescued_where_the_table_rescues() -> None:
    types = {"n": "long", "c": "double", "_rescued_data": "string"}
    mapping = ColumnMapping((MappedColumn("n", "long", "n"), MappedColumn("c", "double", "c")))
    body = by_hand(row("n", "c", "more"), row(1, error("#N/A"), error("#REF!")), row(2, 1.5, None))

    found = quarantined(body, target=Target(types, "rescue", mapping))

    assert rows(found) == [(1, None, '{"c": "#N/A", "more": "#REF!"}'), (2, 1.5, None)]


def test_an_error_cell_in_a_column_that_is_dropped_harms_nothing() -> None:
    mapping = ColumnMapping((MappedColumn("n", "long", "n"),), ignored=frozenset({"c"}))

    found = read_objects(fetched(one_column(error("#N/A"))), Reading("excel", Target(None, mapping=mapping)))

    assert rows(found) == [(0,)]


def test_formulas_are_their_cached_values_and_one_that_was_never_computed_is_bad() -> None:
    body = one_column(
        formula("1+1", "2"), formula("A1", "x", "str"), formula('""', "", "str"), formula("NOW()", None),
        formula("1/0", "#DIV/0!", "e"), formula("TRUE()", "1", "b"),
    )  # fmt: skip

    found = quarantined(body)

    assert values(found, "c") == ["2", "x", "", "true"]
    assert bad(found) == [
        (5, "column 'c': its cell has a formula without a value; open the workbook in Excel and save it"),
        (6, "column 'c': its cell is #DIV/0!"),
    ]


@pytest.mark.parametrize("kind", ["s", "b", "e", "d", "n"])
def test_a_value_of_no_characters_is_an_empty_cell(kind: str) -> None:
    empty = f'<c t="{kind}"><v></v></c>'

    result = excel(by_hand(row("n", "c"), row(1, empty), row(2, "x")))

    assert rows(result) == [(1, None), (2, "x")]


def test_a_formula_that_gives_no_text_is_null_among_numbers() -> None:
    body = one_column(1, formula('""', "", "str"))

    assert values(excel(body), "c") == [1, None]
    assert values(excel(body, columns={"n": "long", "c": "long"}), "c") == [1, None]
    assert values(excel(body, columns={"n": "long", "c": "string"}), "c") == ["1", ""]


def test_dates_among_texts_are_read_by_the_column_s_formats() -> None:
    body = one_column(date(2026, 11, 20), "21.11.2026", AT, "x")
    column = MappedColumn("c", "date", "c", formats=("%d.%m.%Y",))
    target = Target(
        {"n": "long", "c": "date"}, "fail", ColumnMapping((MappedColumn("n", "long", "n"), column))
    )

    found = quarantined(body, target=target)

    assert values(found, "c") == [date(2026, 11, 20), date(2026, 11, 21)]
    assert [number for number, _ in bad(found)] == [4, 5]


def test_times_without_an_offset_are_of_the_column_s_time_zone() -> None:
    body = one_column(AT, date(2026, 7, 1), "2026-11-20 10:11:12.345")
    column = MappedColumn("c", "timestamptz", "c", timezone="Europe/Berlin")
    target = Target(
        {"n": "long", "c": "timestamptz"}, "fail", ColumnMapping((MappedColumn("n", "long", "n"), column))
    )

    found = values(quarantined(body, target=target), "c")

    assert [str(one) for one in found] == [
        "2026-11-20 09:11:12.345000+00:00",
        "2026-06-30 22:00:00+00:00",
        "2026-11-20 09:11:12.345000+00:00",
    ]


@pytest.mark.parametrize(
    ("type_name", "cells", "expected"),
    [
        ("date", [number(46346, 3), number(46346, 1)], [date(2026, 11, 20)] * 2),
        ("timestamp", [number(46346, 1), AT], [datetime(2026, 11, 20), AT]),  # noqa: DTZ001
        ("time", [number(0.5, 2), number(0.25, 3), number(0.5, 4)], [time(12), time(6), time(12)]),
        ("string", [number(1.25, 4), AT, date(2026, 1, 2)], ["30:00:00", ISO, "2026-01-02"]),
        ("string", [True, 5, 1.5], ["true", "5", "1.5"]),
        ("boolean", [True, "FALSE"], [True, False]),
        ("long", [5.0, 1e15], [5, 10**15]),
    ],
)  # fmt: skip
def test_a_declared_column_reads_cells_as_its_type(
    type_name: str, cells: list[Any], expected: list[Any]
) -> None:
    found = excel(one_column(*cells), columns={"n": "long", "c": type_name})

    assert reasons(found) == {}
    assert values(found, "c") == expected


def test_a_time_that_has_a_day_is_not_a_time_of_a_day() -> None:
    found = quarantined(one_column(number(46346.5, 2)), target=declared(n="long", c="time"))

    assert bad(found) == [(2, "column 'c': '2026-11-20T12:00:00' is not a valid time")]


def strict(part: str) -> str:
    return part.replace(MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main").replace(
        RELATIONS, "http://purl.oclc.org/ooxml/officeDocument/relationships"
    )


def prefixed(part: str) -> str:
    for name in ("worksheet", "sheetData", "row", "c", "v", "is", "t"):
        for end in (">", " ", "/>"):
            part = part.replace(f"<{name}{end}", f"<x:{name}{end}")
        part = part.replace(f"</{name}>", f"</x:{name}>")
    return part.replace("xmlns=", "xmlns:x=")


RICH = '<r><rPr/><t>a </t></r><r><t xml:space="preserve"> b</t></r><rPh sb="0" eb="1"><t>pron</t></rPh>'


def test_workbooks_of_other_writers_are_read() -> None:
    plain = sheet_part(row("n", "c"), row(1, "x"), row(2, True))
    shared = [f"<t>{text}</t>" for text in ("n", "c", "_x0041_&#10;_x005F_x0042_")]
    ways = {
        "prefixes": by_hand(parts={"xl/worksheets/sheet1.xml": prefixed(plain)}),
        "strict": by_hand(
            parts={
                "xl/worksheets/sheet1.xml": strict(plain),
                "xl/workbook.xml": strict(book_part('<sheet name="Data" sheetId="1" r:id="r1"/>')),
            }
        ),
        "absolute targets": by_hand(
            parts={
                "xl/_rels/workbook.xml.rels": relations({"r1": ("worksheet", "/xl/worksheets/sheet1.xml")}),
                "xl/worksheets/sheet1.xml": plain,
            }
        ),
        "utf-16": by_hand(
            parts={"xl/worksheets/sheet1.xml": f'<?xml version="1.0"?>{plain}'.encode("utf-16")}
        ),
        "no styles nor texts": by_hand(
            parts={"xl/styles.xml": "", "xl/sharedStrings.xml": "", "xl/worksheets/sheet1.xml": plain}
        ),
    }
    for name, body in ways.items():
        assert rows(excel(body)) == [(1, "x"), (2, "true")], name
    texts = by_hand(
        row('<c t="s"><v>0</v></c>', '<c t="s"><v>1</v></c>'),
        row(1, '<c t="s"><v>2</v></c>'),
        row(2, '<c t="s"><v>3</v></c>'),
        texts=[*shared, RICH],
    )
    assert values(excel(texts), "c") == ["A\n_x0042_", "a  b"]


def test_dates_that_are_written_as_iso_8601_are_dates() -> None:
    def iso(text: str) -> str:
        return f'<c t="d"><v>{text}</v></c>'

    assert values(excel(one_column(iso("2026-11-20"), iso("2026-11-21"))), "c") == [
        date(2026, 11, 20),
        date(2026, 11, 21),
    ]
    assert values(excel(one_column(iso("2026-11-20T10:11:12.345Z"), iso("2026-11-20"))), "c") == [
        AT,
        datetime(2026, 11, 20),  # noqa: DTZ001
    ]
    assert values(excel(one_column(iso("10:11"))), "c") == [time(10, 11)]


def test_names_in_any_case_are_one_column() -> None:
    target = Target(
        {"id": "long"},
        "fail",
        ColumnMapping((MappedColumn("id", "long", "id"),)),
        spelling=Spelling({"id": "id"}),
    )

    found = read_objects(fetched(workbook(["ID"], [1]), workbook(["Id"], [2])), Reading("excel", target))

    assert values(found, "id") == [1, 2]


def test_pieces_hold_the_rows_of_the_whole_with_their_numbers_in_the_sheet() -> None:
    body = workbook(
        ["n", "c"], *([place, f"text {place}"] for place in range(2000)), [], ["x", error("#N/A")]
    )

    contents = cut(body, "excel", piece_bytes=20_000)

    assert len(contents) > 5
    found = [rows(_read_piece(content)) for content in contents]
    assert [one for part in found for one in part] == [(place, f"text {place}") for place in range(2000)]
    assert bad(_read_piece(contents[-1])) == [(2003, "column 'n': 'x' is not a valid long")]


def _read_piece(content: Any) -> ReadResult:
    from ingest_project.reading.read import read_contents

    return read_contents([content], Reading("excel", declared(n="long", c="string"), quarantines=True))


@pytest.mark.parametrize("pack", [lambda body: zipped({"a.xlsx": body, "b/c.xlsx": body}), gzip.compress])
def test_a_workbook_may_lie_in_an_archive(pack: Any) -> None:
    packed = pack(workbook(["n"], [1]))

    assert set(values(excel(packed), "n")) == {1}


def test_a_cell_s_text_is_not_taken_for_what_it_looks_like() -> None:
    texts = ["=1+1", "#N/A", " padded ", "<b>&", "a\tb\nc", "\U0001f600", ""]
    body = by_hand(row("n", "c"), *(row(place, cell(text)) for place, text in enumerate(texts)))

    assert values(excel(body), "c") == texts
