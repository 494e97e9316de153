"""Which cells of a workbook are rows and columns: its sheets, headers, and cells beside them."""

from typing import Any

import pytest

from ingest_project.reading.format_options import ExcelLayout
from ingest_project_tests.reading.factories import reasons, values
from ingest_project_tests.reading.formats.excel.results import bad, excel, quarantined, rows
from ingest_project_tests.reading.formats.excel.workbooks import (
    book_part,
    by_hand,
    relations,
    row,
    sheet_part,
    workbook,
)


def test_merged_cells_have_their_value_in_the_first_and_rows_that_show_nothing_are_no_rows() -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("A2:B3")

    body = workbook(["a", "b"], ["x", None], [None, None], [], ["", None], ["y", 2], edit=merge)

    assert rows(excel(body)) == [("x", None), ("y", 2)]


def test_a_column_without_a_name_is_called_by_its_place_and_left_out_while_it_is_empty() -> None:
    body = workbook([None, "a", None, "b"], [None, 1, None, 2], [None, 3, "x", 4])

    assert rows(excel(body)) == [(1, None, 2), (3, "x", 4)]
    found = excel(body).frame
    assert found is not None
    assert found.columns[:3] == ["a", "column_3", "b"]


def test_a_value_right_of_the_last_column_makes_its_row_a_bad_one() -> None:
    found = quarantined(workbook(["a", "b"], [1, 2], [3, 4, None, "total"], [5, None, "", None]))

    assert rows(found) == [(1, 2), (5, None)]
    assert bad(found) == [(3, "its cell D3 stands right of the last column")]


def test_two_columns_of_one_name_are_refused() -> None:
    (reason,) = reasons(excel(workbook(["a", "b", "a"], [1, 2, 3]))).values()

    assert "its header (row 1) names 'a' more than once" in reason


def test_a_header_that_is_a_title_or_of_another_table_is_refused_with_the_way_to_mend_it() -> None:
    titled = workbook(["Sales of May", None, "2026"][:1], ["id", "n", "x"], [1, 2, 3])
    wide = by_hand(row("Sales of May", None, None, "x"), row(1, 2, 3, 4))
    layout = ExcelLayout(skip_rows=1)

    (foreign,) = reasons(excel(titled, columns={"id": "long"})).values()

    assert "names none of the table's columns: 'Sales of May'; excel: {sheet, skip_rows} say" in foreign
    assert rows(excel(titled, columns={"id": "long", "n": "long", "x": "long"}, layout=layout)) == [(1, 2, 3)]
    assert reasons(excel(wide)) == {}


def test_without_a_header_the_fields_are_told_by_their_place() -> None:
    body = workbook(["title"], [1, "a"], [2, "b"])

    found = excel(
        body, columns={"n": "long", "s": "string"}, layout=ExcelLayout(names=("n", "s"), skip_rows=1)
    )

    assert rows(found) == [(1, "a"), (2, "b")]


def several_sheets() -> bytes:
    states = ("hidden", "visible", "visible", "veryHidden")
    names = ("Secret", "Data &amp; more", "Notes", "Deep")
    pairs = zip(names, states, strict=True)
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{place}" state="{state}" r:id="r{place}"/>'
        for place, (name, state) in enumerate(pairs)
    )
    sheets = f'<sheet name="Chart" sheetId="9" r:id="r9"/>{sheets}'
    targets = {f"r{place}": ("worksheet", f"worksheets/s{place}.xml") for place in range(4)}
    parts = {f"xl/worksheets/s{place}.xml": sheet_part(row("n"), row(place)) for place in range(4)}
    related = relations({**targets, "r9": ("chartsheet", "chartsheets/c.xml")})
    return by_hand(workbook_part=book_part(sheets), parts={**parts, "xl/_rels/workbook.xml.rels": related})


@pytest.mark.parametrize(
    ("sheet", "expected"), [(None, 1), (1, 1), (2, 2), ("Secret", 0), ("Data & more", 1), ("Deep", 3)]
)
def test_a_sheet_is_named_or_counted_among_those_that_are_visible(
    sheet: str | int | None, expected: int
) -> None:
    assert values(excel(several_sheets(), layout=ExcelLayout(sheet=sheet)), "n") == [expected]


@pytest.mark.parametrize("sheet", ["data & more", 3])
def test_an_unknown_sheet_fails_the_object_with_the_names_of_all_sheets(sheet: str | int) -> None:
    (reason,) = reasons(excel(several_sheets(), layout=ExcelLayout(sheet=sheet))).values()

    listed = "'Secret' (hidden), 'Data & more', 'Notes', 'Deep' (hidden)"
    assert reason == f"unreadable: it has no sheet {sheet!r}; its sheets are: {listed}"


def test_a_workbook_whose_sheets_are_all_hidden_is_read_only_by_their_names() -> None:
    hidden = book_part('<sheet name="X" sheetId="1" state="hidden" r:id="r1"/>')
    body = by_hand(row("n"), row(1), workbook_part=hidden)

    (reason,) = reasons(excel(body)).values()

    assert reason == "unreadable: it has no visible sheet; its sheets are: 'X' (hidden)"
    assert values(excel(body, layout=ExcelLayout(sheet="X")), "n") == [1]
