"""Workbooks, written by openpyxl, and by hand as other programs write them."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DATE, TIME, MOMENT, SPAN = "yyyy-mm-dd", "hh:mm:ss", "yyyy-mm-dd hh:mm:ss", "[h]:mm:ss"
CODES = (DATE, TIME, MOMENT, SPAN)
"""The formats of styles 1 to 4 of workbooks that are written by hand."""


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def workbook(
    *rows: Sequence[Any], edit: Callable[[Worksheet], None] = lambda _: None, is_1904: bool = False
) -> bytes:
    """A workbook of one sheet, as openpyxl writes it."""
    book = openpyxl.Workbook()
    if is_1904:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(tuple(row))
    edit(sheet)
    return saved(book)


def shown_by_openpyxl(body: bytes) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(body), data_only=True).active
    assert isinstance(sheet, Worksheet)
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def by_hand(
    *rows: str,
    texts: Sequence[str] = (),
    codes: Sequence[str] = CODES,
    workbook_part: str | None = None,
    parts: Mapping[str, bytes | str] | None = None,
) -> bytes:
    """A workbook of these rows of XML, with these shared items (XML too)."""
    found: dict[str, bytes | str] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": relations({"r1": ("officeDocument", "xl/workbook.xml")}),
        "xl/_rels/workbook.xml.rels": relations(
            {
                "r1": ("worksheet", "worksheets/sheet1.xml"),
                "r2": ("styles", "styles.xml"),
                "r3": ("sharedStrings", "sharedStrings.xml"),
            }
        ),
        "xl/workbook.xml": workbook_part or book_part('<sheet name="Data" sheetId="1" r:id="r1"/>'),
        "xl/worksheets/sheet1.xml": sheet_part(*rows),
        "xl/styles.xml": styles_part(codes),
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{"".join(f"<si>{one}</si>" for one in texts)}</sst>',
        **(parts or {}),
    }
    return zip_of({name: part for name, part in found.items() if part})


def zip_of(parts: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def book_part(sheets: str, properties: str = "") -> str:
    return f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{properties}<sheets>{sheets}</sheets></workbook>'


def sheet_part(*rows: str) -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'


def styles_part(codes: Sequence[str]) -> str:
    formats = "".join(
        f'<numFmt numFmtId="{164 + place}" formatCode={quoteattr(code)}/>' for place, code in enumerate(codes)
    )
    styles = "".join(f'<xf numFmtId="{164 + place}"/>' for place in range(len(codes)))
    cell_styles = '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts>{cell_styles}'
        f'<cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>'
    )


def relations(targets: Mapping[str, tuple[str, str]]) -> str:
    found = "".join(
        f'<Relationship Id="{key}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for key, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{found}</Relationships>'


def row(*values: Any) -> str:
    """A row of XML without references, one cell behind the other. A `str` that is XML is not changed."""
    return f"<row>{''.join(map(cell, values))}</row>"


def cell(value: Any) -> str:
    """A cell of XML."""
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value!r}</v></c>"
    if isinstance(value, datetime):
        return number(serial(value), 3)
    if isinstance(value, date):
        return number((value - date(1899, 12, 30)).days, 1)
    if isinstance(value, time):
        midnight = datetime.combine(date.min, time.min)
        return number((datetime.combine(midnight, value) - midnight) / timedelta(1), 2)
    if value.startswith("<c"):
        return str(value)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def number(written: Any, style: int = 0) -> str:
    return f'<c s="{style}"><v>{written}</v></c>'


def error(name: str) -> str:
    return f'<c t="e"><v>{name}</v></c>'


def formula(text: str, value: str | None, kind: str = "n") -> str:
    cached = "" if value is None else f"<v>{value}</v>"
    return f'<c t="{kind}"><f>{text}</f>{cached}</c>'


def serial(value: datetime) -> float:
    """The number of days that Excel writes for a time behind February 1900."""
    return (value - datetime(1899, 12, 30)) / timedelta(1)  # noqa: DTZ001
