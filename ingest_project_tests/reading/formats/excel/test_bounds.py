"""Workbooks that are damaged, of another kind, or made to take memory: each fails alone, with a reason that
tells why.
"""

import io
import tracemalloc
import zipfile

import openpyxl
import pytest

from ingest_project.reading.format_options import DEFAULT_OPTIONS
from ingest_project.reading.formats.excel import package, pieces
from ingest_project.reading.formats.excel import workbook as workbook_module
from ingest_project.reading.formats.excel.pieces import excel_pieces
from ingest_project.reading.limits import ExcelLimits, Limits, PieceLimits
from ingest_project_tests.reading.factories import read, reasons
from ingest_project_tests.reading.formats.excel.workbooks import (
    MAIN,
    book_part,
    by_hand,
    relations,
    row,
    saved,
    sheet_part,
    workbook,
    zip_of,
)

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def reason(body: bytes) -> str:
    """Why this object fails, the good ones beside it not."""
    good = workbook(["n"], [1])
    result = read(good, body, good, file_format="excel")
    assert list(result.rows.values()) == [1, 1]
    (found,) = reasons(result).values()
    return found


def sheet(part: bytes | str) -> bytes:
    return by_hand(parts={"xl/worksheets/sheet1.xml": part})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (OLE, "unreadable: it is an old Excel file (.xls); save it as .xlsx"),
        (
            OLE + "EncryptedPackage".encode("utf-16-le"),
            "unreadable: the workbook is protected by a password; save it without one",
        ),
        (
            zip_of({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}),
            "unreadable: it is an OpenDocument file (.ods); save it as .xlsx",
        ),
        (
            by_hand(parts={"_rels/.rels": relations({"r1": ("officeDocument", "xl/workbook.bin")})}),
            "unreadable: it is a binary workbook (.xlsb); save it as .xlsx",
        ),
        (b"a,b\n1,2\n", "File is not a zip file"),
        (workbook(["n"], [1])[:-400], "the zip is truncated or corrupt"),
        (sheet("<worksheet"), "it is not a valid excel file"),
        (sheet(BOMB + sheet_part(row("&b;"))), "document type declaration"),
        (sheet(sheet_part('<row r="2"/><row r="2"/>')), "row 2 stands behind row 2"),
        (sheet(sheet_part('<row r="1048577"/>')), "row 1048577 stands behind row 0"),
        (sheet(sheet_part('<row r="1"><c r="B1"/><c r="A1"/></row>')), "the cells of row 1 are not in order"),
        (sheet(sheet_part('<row r="1"><c r="XFE1"/></row>')), "the cells of row 1 are not in order"),
        (sheet(sheet_part('<row r="1"><c r="A2"/></row>')), "a cell of row 1 has the reference 'A2'"),
        (sheet(sheet_part('<row><c t="s"><v>7</v></c></row>')), "a cell refers to text 7 of 0"),
        (sheet(sheet_part('<row><c t="?"><v>7</v></c></row>')), "a cell of row 1 is of type '?'"),
        (by_hand(parts={"xl/worksheets/sheet1.xml": ""}), "it has no part 'xl/worksheets/sheet1.xml'"),
        (by_hand(parts={"xl/Workbook.xml": "<x/>"}), "it has two parts of the name"),
    ],
)
def test_what_cannot_be_read_fails_alone_with_its_reason(body: bytes, expected: str) -> None:
    assert expected in reason(body)


def test_a_wrong_checksum_fails_the_object_though_its_rows_could_be_read() -> None:
    stored = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(by_hand(row("n"), row(1234567)))) as source,
        zipfile.ZipFile(stored, "w") as copy,
    ):
        for one in source.infolist():
            copy.writestr(one.filename, source.read(one))
    body = stored.getvalue()

    assert "Bad CRC-32" in reason(body.replace(b"1234567", b"1234568"))


def test_a_sheet_with_a_cell_in_its_last_row_and_column_takes_no_memory() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active["A1"], book.active["XFD1048576"] = "a", 1

    tracemalloc.start()
    found = reason(saved(book))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "its cell XFD1048576 stands right of the last column" in found
    assert peak < 20 * 1024**2


def test_one_text_that_many_cells_share_is_cut_into_pieces_by_what_they_hold() -> None:
    shared = '<c t="s"><v>0</v></c>'
    body = by_hand(row("n"), *([row(shared)] * 3000), texts=[f"<t>{'x' * 30_000}</t>"])

    found = [
        one.body.height for one in excel_pieces([body], DEFAULT_OPTIONS, PieceLimits(piece_bytes=10**6), "u")
    ]

    assert len(body) < 20_000
    assert sum(found) == 3000
    assert max(found) < 40


def test_a_row_that_expands_beyond_the_longest_record_fails_its_object() -> None:
    shared = '<c t="s"><v>0</v></c>'

    found = reason(by_hand(row(*([shared] * 2000)), texts=[f"<t>{'x' * 30_000}</t>"]))

    assert "row 1 has more than 33,554,432 bytes" in found


def test_a_text_that_no_cell_can_hold_is_a_bad_value() -> None:
    found = reason(by_hand(row("n"), row("x" * 32_768)))

    assert "its text has more than the 32,767 characters that a cell can hold" in found
    assert read(by_hand(row("n"), row("x" * 32_767)), file_format="excel").failures == ()


def test_a_comment_that_never_ends_takes_no_memory() -> None:
    body = sheet(f'<worksheet xmlns="{MAIN}"><!--{" " * 30_000_000}--></worksheet>')

    assert "a tag or a comment of more than 8,388,608 bytes" in reason(body)


def test_parts_and_texts_beyond_their_limits_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(excel=ExcelLimits(part_bytes=10_000, shared_texts_bytes=10_000))
    monkeypatch.setattr(package, "LIMITS", limits)
    monkeypatch.setattr(workbook_module, "LIMITS", limits)
    long_book = book_part('<sheet name="Data" sheetId="1" r:id="r1"/>') + " " * 10_000

    assert "its part xl/workbook.xml has more than 10,000 bytes" in reason(
        by_hand(row("n"), workbook_part=long_book)
    )
    assert "its shared texts have more than 10,000 bytes" in reason(
        by_hand(row("n"), texts=["<t>x</t>"] * 1000)
    )


def test_a_sheet_of_few_cells_and_many_columns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LIMITS", Limits(excel=ExcelLimits(decoded_bytes=10**6)))
    names = row(*(f"c{place}" for place in range(16_384)))

    assert "expands to more than 1,000,000 bytes" in reason(by_hand(names, *([row(1)] * 500)))
