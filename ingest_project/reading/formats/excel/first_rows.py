"""The first rows of a large workbook, as a small workbook of its own: what a preview reads of it."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from xml.sax.saxutils import escape, quoteattr

from ingest_project.reading.format_options import ExcelLayout
from ingest_project.reading.formats.excel import cells
from ingest_project.reading.formats.excel.markup import RELATIONSHIPS, SPREADSHEET
from ingest_project.reading.formats.excel.package import opened
from ingest_project.reading.formats.excel.sheet import SheetRow, column_letters, rows_of
from ingest_project.reading.formats.excel.workbook import SheetEntry, workbook_in
from ingest_project.reading.limits import LIMITS

ROWS = 10_000
MAX_BYTES = 64 * 1024**2
TYPES = {cells.TRUTH: "b", cells.ERROR: "e", **dict.fromkeys(cells.TIMES, "d")}
"""The types of cells by their marks; all others are numbers or text."""
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def of_workbook(file: io.BufferedReader, _start: bytes) -> bytes:
    """A workbook with the first rows of the sheet that is read by default; its other sheets are empty."""
    with opened(file, "", is_remote=True) as package:
        workbook = workbook_in(package, "")
        sheet = workbook.sheet(ExcelLayout(), "")
        return small_workbook(
            workbook.sheets, sheet, rows_of(workbook, sheet, record_bytes=LIMITS.portion.piece.record_bytes)
        )


def small_workbook(sheets: Sequence[SheetEntry], filled: SheetEntry, rows: Iterator[SheetRow]) -> bytes:
    """A workbook with these sheets, all of them empty but one, which has the first of these rows."""
    content = "".join(_fitting(map(_row, islice(rows, ROWS))))
    parts = {
        "[Content_Types].xml": f"<Types xmlns={quoteattr(f'{PACKAGE}/content-types')}/>",
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/_rels/workbook.xml.rels": _relations([("worksheet", "rows.xml"), ("worksheet", "empty.xml")]),
        "xl/workbook.xml": _spreadsheet(
            "workbook", "<sheets>" + "".join(_sheet(one, filled) for one in sheets) + "</sheets>"
        ),
        "xl/rows.xml": _spreadsheet("worksheet", f"<sheetData>{content}</sheetData>"),
        "xl/empty.xml": _spreadsheet("worksheet", "<sheetData/>"),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def _spreadsheet(element: str, content: str) -> str:
    return f'<{element} xmlns="{SPREADSHEET[0]}" xmlns:r="{RELATIONSHIPS[0]}">{content}</{element}>'


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    relations = "".join(
        f'<Relationship Id="r{place}" Type="{RELATIONSHIPS[0]}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>'


def _sheet(one: SheetEntry, filled: SheetEntry) -> str:
    state = "hidden" if one.is_hidden else "visible"
    return f'<sheet name={quoteattr(one.name)} state="{state}" r:id="r{0 if one is filled else 1}"/>'


def _fitting(rows: Iterator[str]) -> Iterator[str]:
    size = 0
    for row in rows:
        size += len(row)
        if size > MAX_BYTES:
            return
        yield row


def _row(row: SheetRow) -> str:
    found = "".join(_cell(f"{column_letters(place)}{row.number}", cell) for place, cell in row.cells.items())
    return f'<row r="{row.number}">{found}</row>'


def _cell(reference: str, marked: str) -> str:
    mark, text = marked[0], escape(marked[1:])
    if mark in {cells.TEXT, cells.DURATION}:
        preserved = f'<t xml:space="preserve">{cells.escaped(text)}</t>'
        return f'<c r="{reference}" t="inlineStr"><is>{preserved}</is></c>'
    if mark == cells.NOT_COMPUTED:
        return f'<c r="{reference}"><f/></c>'
    value = str(int(text == "true")) if mark == cells.TRUTH else text
    return f'<c r="{reference}" t="{TYPES.get(mark, "n")}"><v>{value}</v></c>'
