"""Odd Excel workbooks: writers, types of cells, layouts and damage."""

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from ingest_project.reading.format_options import ExcelLayout, FormatOptions
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project_tests.odd_files.case import COLUMNS, MISFIT, Cell, Line, Maker, OddFile
from ingest_project_tests.odd_files.json_kinds import FOREIGN
from ingest_project_tests.reading.formats.excel.workbooks import (
    MAIN,
    by_hand,
    cell,
    error,
    formula,
    number,
    row,
    sheet_part,
    workbook,
    zip_of,
)  # fmt: skip

AT = datetime(2026, 11, 20, 10, 11, 12)  # noqa: DTZ001
AWARE = AT.replace(tzinfo=UTC)
Rows = Sequence[Sequence[Any]]
Write = Callable[[Rows], bytes]


def inline(rows: Rows) -> bytes:
    return by_hand(*(row(*one) for one in rows))


def shared(rows: Rows) -> bytes:
    texts = sorted({one for found in rows for one in found if isinstance(one, str)})
    return by_hand(
        *(row(*(_shared(one, texts) for one in found)) for found in rows),
        texts=[f"<t>{one}</t>" for one in texts],
    )


def _shared(value: Any, texts: list[str]) -> Any:
    return f'<c t="s"><v>{texts.index(value)}</v></c>' if isinstance(value, str) else value


def with_references(rows: Rows) -> bytes:
    """With references, and without cells where there is no value."""
    found = []
    for place, values in enumerate(rows):
        line = 1 + place
        cells = (
            cell(value).replace("<c", f'<c r="{"ABCDEFGH"[column]}{line}"', 1)
            for column, value in enumerate(values)
            if value is not None
        )
        found.append(f'<row r="{line}">{"".join(cells)}</row>')
    return by_hand(*found)


def stored(rows: Rows) -> bytes:
    """Without compression, as some programs write it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(inline(rows))) as source, zipfile.ZipFile(out, "w") as copy:
        for one in source.infolist():
            copy.writestr(one.filename, source.read(one))
    return out.getvalue()


WRITERS: dict[str, Write] = {
    "openpyxl": lambda rows: workbook(*rows),
    "inline": inline,
    "shared": shared,
    "references": with_references,
    "stored": stored,
}
DECLARED = Target(
    COLUMNS, "fail", ColumnMapping(tuple(MappedColumn(*one, one[0]) for one in COLUMNS.items()))
)
"""For cells of which nobody says what they are in a column that nobody declared."""
CELLS: dict[str, tuple[str, Sequence[Any], Sequence[Any], Sequence[Any]]] = {
    "whole numbers": ("code", [5, 5.0, 2**31], [5, 5, MISFIT], [5, 5, 2**31]),
    "fractions": ("code", [5.5, 7], [MISFIT, 7], [5.5, 7]),
    "amounts": ("amount",
        [0.1, 1.25, 1.255, 1e12],
        [Decimal("0.10"), Decimal("1.25"), MISFIT, MISFIT],
        [0.1, 1.25, 1.255, 1e12],
    ),
    "text among numbers": ("ratio",
        [1.5, "n/a", "2.5", "1e3"],
        [1.5, MISFIT, 2.5, 1000.0],
        ["1.5", "n/a", "2.5", "1e3"],
    ),
    "errors": ("ratio",
        [error("#N/A"), 1.5, error("#DIV/0!"), None],
        [MISFIT, 1.5, MISFIT, None],
        [None] * 4,
    ),
    "errors among texts": ("name", [error("#REF!"), "a"], [MISFIT, "a"], [None] * 2),
    "formulas": ("ratio",
        [formula("1+1", "2"), formula("NA()", "#N/A", "e"), formula("1+1", None)],
        [2.0, MISFIT, MISFIT],
        [None] * 3,
    ),
    "texts of formulas": ("name",
        [formula("A1", "x", "str"), formula('""', "", "str")],
        ["x", ""],
        ["x", ""],
    ),
    "truth values": ("ok",
        [True, "false", "TRUE", 1, "yes"],
        [True, False, True, MISFIT, MISFIT],
        [None] * 5,
    ),
    "times": ("at",
        [AT, date(2026, 11, 20), "2026-11-20T10:11:12Z", 46346.5],
        [AWARE, datetime(2026, 11, 20, tzinfo=UTC), AWARE, MISFIT],
        [None] * 4,
    ),
    "times alone": ("at",
        [AT, date(2026, 11, 20)],
        [AWARE, datetime(2026, 11, 20, tzinfo=UTC)],
        [AT, AT.replace(hour=0, minute=0, second=0)],
    ),
    "days that never were": ("at",
        [number(60, 1), number(0, 1), number(-5, 1), number(3e6, 1)],
        [MISFIT] * 4,
        [60, 0, -5, 3_000_000],
    ),
    "values for text": ("name",
        [5, 1.5, True, AT, "x"],
        ["5", "1.5", "true", "2026-11-20T10:11:12", "x"],
        ["5", "1.5", "true", "2026-11-20T10:11:12", "x"],
    ),
    "what is no number": ("ratio",
        [number("abc"), number("1_0"), number("1e999"), number("nan")],
        [MISFIT] * 4,
        [None] * 4,
    ),
}  # fmt: skip


def with_column(name: str, write: Write) -> Maker:
    column, values, expected, plain = CELLS[name]

    def make(rng: Random) -> OddFile:
        times = rng.randint(1, 3)
        rows = [["n", column], *([place, value] for place, value in enumerate([*values] * times, 1))]
        lines = tuple(
            Line(
                place + 1,
                {"n": Cell("", place, place), column: Cell("" if one is None else "x", wanted, one)},
                may_be_bad=wanted is MISFIT and one is None,
            )
            for place, (wanted, one) in enumerate(zip([*expected] * times, [*plain] * times, strict=True), 1)
        )
        has_plain = all(one is not None for one in plain)
        return OddFile("excel", "type of a cell", write(rows), lines, target=None if has_plain else DECLARED)

    return make


def table_of(rng: Random) -> tuple[Rows, tuple[Line, ...]]:
    values: dict[str, list[Any]] = {
        "ratio": [0.5, None, -1.0],
        "ok": [True, None, False],
        "at": [AT, None, AT],
        "name": ["a", None, "é"],
    }
    height = rng.randint(1, 12)
    rows = [
        [place, *(found[rng.randrange(3)] for found in values.values())] for place in range(1, height + 1)
    ]
    lines = tuple(
        Line(place + 1, {name: _cell(name, value) for name, value in zip(["n", *values], one, strict=True)})
        for place, one in enumerate(rows, 1)
    )
    return [["n", *values], *rows], lines


def _cell(name: str, value: Any) -> Cell:
    return Cell("", AWARE if name == "at" and value else value, value)


def clean(write: Write, kind: str = "layout") -> Maker:
    def make(rng: Random) -> OddFile:
        rows, lines = table_of(rng)
        return OddFile("excel", kind, write(rows), lines)

    return make


def damaged(write: Write) -> Maker:
    def make(rng: Random) -> OddFile:
        rows, lines = table_of(rng)
        body = bytearray(write(rows))
        match rng.randrange(4):
            case 0 | 1:
                for _ in range(rng.choice([1, 1, 2, 8])):
                    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
            case 2:
                del body[rng.randrange(1, len(body)) :]
            case _:
                start = rng.randrange(len(body))
                body[start : start + rng.randint(1, 40)] = rng.randbytes(rng.randint(0, 40))
        return OddFile("excel", "damaged", bytes(body), lines, fate="either", is_lax=True)

    return make


def _changed(rng: Random, rows: Rows) -> bytes:
    """A workbook whose parts, checksums put right, have random changes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(inline(rows))) as source, zipfile.ZipFile(out, "w") as copy:
        chosen = rng.choice(source.namelist())
        for one in source.namelist():
            part = bytearray(source.read(one))
            if one == chosen:
                for _ in range(rng.choice([1, 1, 4])):
                    start = rng.randrange(len(part))
                    part[start : start + rng.randint(0, 9)] = rng.choice(
                        [b"", b"<", b'"', b"&a;", b"9" * 20, b"\0", b"A1"]
                    )
            copy.writestr(one, bytes(part))
    return out.getvalue()


def changed_parts(rng: Random) -> OddFile:
    rows, lines = table_of(rng)
    return OddFile("excel", "changed parts", _changed(rng, rows), lines, fate="either", is_lax=True)


def title_above(rng: Random) -> OddFile:
    rows, lines = table_of(rng)
    options = FormatOptions(excel=ExcelLayout(skip_rows=3))
    moved = tuple(Line(line.number + 4, line.cells) for line in lines)
    body = inline([["A title"], [], [None, 5], [], *rows])
    return OddFile("excel", "title", body, moved, options=options)


BROKEN: dict[str, bytes] = {
    "a DTD": by_hand(
        parts={"xl/worksheets/sheet1.xml": f"<!DOCTYPE worksheet>{sheet_part(row('n'), row(1))}"}
    ),
    "no sheets": by_hand(workbook_part=f'<workbook xmlns="{MAIN}"><sheets/></workbook>'),
    "rows out of order": by_hand('<row r="5"/>', '<row r="4"/>'),
    "an archive of no workbook": zip_of({"[Content_Types].xml": "<Types/>", "word/document.xml": "<x/>"}),
    "an .xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000),
}


def excel_kinds() -> dict[str, Maker]:
    """All kinds of workbooks by their names."""
    found: dict[str, Maker] = {f"clean, {name}": clean(write) for name, write in WRITERS.items()}
    for name, write in WRITERS.items():
        for place in range(2):
            found[f"damaged, {name}, {place}"] = damaged(write)
    for place in range(6):
        found[f"changed parts, {place}"] = changed_parts
    found |= {name: with_column(name, inline) for name in CELLS}
    found |= {name: _fails(body) for name, body in {**FOREIGN, **BROKEN}.items()}
    found["no rows"] = lambda _: OddFile("excel", "no rows", inline([["n", "name"]]))
    found["nothing"] = lambda _: OddFile("excel", "no rows", inline([]))
    found["a title above"] = title_above
    return found


def _fails(body: bytes) -> Maker:
    return lambda _: OddFile("excel", "another format", body, fate="fails")
