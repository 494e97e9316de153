"""Reads a file in one way, and says what is wrong with the outcome."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from ingest_project.errors import ObjectError
from ingest_project.reading.content import Content
from ingest_project.reading.limits import PieceLimits, PortionLimits
from ingest_project.reading.parse import Reading
from ingest_project.reading.portions import Streamed, Together, portions
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.reading.values.types import storable, type_of
from ingest_project.settings.formats import FIXED_COLUMNS
from ingest_project.settings.model import PROVENANCE_COLUMNS, RESCUED_COLUMN, SchemaEvolution
from ingest_project_tests.odd_files.case import EITHER, MISFIT, AsJson, Cell, Line, Numeral, OddFile
from ingest_project_tests.reading.factories import Fetched, fetched


@dataclass(frozen=True, slots=True)
class Way:
    """How a file is read. `piece_bytes` is None if it is read as a whole."""

    quarantines: bool
    evolution: SchemaEvolution
    declared: bool
    piece_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: rows by name of column, the line numbers of bad rows, or the class of the error."""

    rows: tuple[dict[str, Any], ...] = ()
    rejected: tuple[tuple[int, str], ...] = ()
    error_class: str | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.error_class:
            return f"failed: {self.error_class}"
        return "read, rows quarantined" if self.rejected else "read"


def ways(file: OddFile, piece_bytes: int) -> Iterator[Way]:
    """All ways to read this file."""
    cuts = (None, piece_bytes) if file.streams else (None,)
    for quarantines in (True, False):
        for cut in cuts:
            if file.format in FIXED_COLUMNS:
                yield Way(quarantines, "add_columns", declared=True, piece_bytes=cut)
                continue
            for evolution in ("add_columns", "rescue", "fail") if file.target is None else ("add_columns",):
                yield Way(quarantines, evolution, declared=True, piece_bytes=cut)
            if file.target is None and file.options.csv.names is None:
                yield Way(quarantines, "add_columns", declared=False, piece_bytes=cut)


def read_in(file: OddFile, way: Way) -> Outcome:
    """The file as a batch would read it. Raises whatever is raised, except ObjectError."""
    reading = Reading(file.format, _target(file, way), file.options, quarantines=way.quarantines)
    (portion,) = portions(
        [one.object for one in fetched(file.body)], Fetched(fetched(file.body)),
        format=file.format, options=file.options, max_object_bytes=2**40, limits=_limits(way),
    )  # fmt: skip
    try:
        return _together(portion, reading) if isinstance(portion, Together) else _streamed(portion, reading)
    except ObjectError as error:
        return Outcome(error_class=error.error_class, reason=str(error))


def _target(file: OddFile, way: Way) -> Target:
    if file.target is not None:
        return file.target
    if file.format in FIXED_COLUMNS:
        return Target(FIXED_COLUMNS[file.format], way.evolution)
    if not way.declared:
        return Target(None, way.evolution)
    rescued = {RESCUED_COLUMN: "string"} if way.evolution == "rescue" else {}
    mapping = ColumnMapping(tuple(MappedColumn(name, one, name) for name, one in file.columns.items()))
    return Target({**file.columns, **rescued}, way.evolution, mapping)


def _limits(way: Way) -> PortionLimits:
    if way.piece_bytes is None:
        return PortionLimits()
    return PortionLimits(content_bytes=1, piece=PieceLimits(way.piece_bytes, 2**20))


def _together(portion: Together, reading: Reading) -> Outcome:
    for failure in portion.failures:
        raise failure.error
    return _outcome([_whole(read_contents(portion.contents, reading))])


def _streamed(portion: Streamed, reading: Reading) -> Outcome:
    results = []
    for piece in portion.pieces:
        assert isinstance(piece, Content)
        results.append(_whole(read_contents([piece], reading)))
        reading = _with_columns_of(results[-1].frame, reading)
    return _outcome(results)


def _with_columns_of(frame: pl.DataFrame | None, reading: Reading) -> Reading:
    """A table has the columns of its first rows, and new ones from those that follow."""
    if frame is None or frame.is_empty():
        return reading
    found = {
        name: type_of(storable(dtype))
        for name, dtype in frame.schema.items()
        if name not in PROVENANCE_COLUMNS
    }
    types = {name: str(one) for name, one in found.items() if one is not None}
    return replace(reading, target=replace(reading.target, types={**types, **(reading.target.types or {})}))


def _whole(result: ReadResult) -> ReadResult:
    for failure in result.failures:
        raise failure.error
    return result


def _outcome(results: list[ReadResult]) -> Outcome:
    rows, rejected = [], []
    for result in results:
        rows += [] if result.frame is None else result.frame.to_dicts()
        rejected += [] if result.rejected is None else result.rejected.select("line_number", "reason").rows()
    return Outcome(tuple(rows), tuple(rejected))


def faults(file: OddFile, way: Way, outcome: Outcome) -> Iterator[str]:
    """What is wrong with it, in words; nothing if all is well."""
    if outcome.error_class is not None:
        yield from _faults_of_failure(file, way, outcome)
        return
    if file.fate == "fails" or (file.fate == "strange" and way.declared):
        yield "was read, though it is damaged"
    if file.is_lax or file.fate == "strange":
        return
    yield from _faults_of_rows(file, way, outcome)


def _faults_of_failure(file: OddFile, way: Way, outcome: Outcome) -> Iterator[str]:
    if outcome.error_class in {"unknown", "bad_rows"}:
        yield f"failed with {outcome.error_class}: {outcome.reason}"
        return
    may_fail = file.fate != "rows" or (not way.quarantines and any(_is_bad(line, way) for line in file.lines))
    if file.new_fields and way.evolution == "fail" and way.declared:
        may_fail = True
    if file.lines and way.quarantines and all(line.cells is None for line in file.lines):
        may_fail = True
    if way.piece_bytes and file.lines and file.lines[0].cells is None:
        may_fail = True  # nothing but bad rows in the first piece is another format
    if not way.quarantines and way.piece_bytes and not way.declared:
        may_fail = True  # what the first piece decides on may not do for the others
    if not may_fail:
        yield f"failed, though its rows are good: {outcome.reason[:200]}"


def _is_bad(line: Line, way: Way) -> bool:
    if line.cells is None or line.may_be_bad:
        return True
    misfits = any(cell.value is MISFIT or cell.value is EITHER for cell in line.cells.values())
    if not way.declared:  # a file's own type may hold what no column can
        return misfits and not any(cell.text for cell in line.cells.values())
    return misfits and way.evolution != "rescue"


def _faults_of_rows(file: OddFile, way: Way, outcome: Outcome) -> Iterator[str]:
    key = {"text": "line_number", "binary": "size_bytes"}.get(file.format, "n")
    rows: dict[Any, dict[str, Any]] = {}
    for row in outcome.rows:
        number = row.get(key)
        number = int(number) if isinstance(number, str) and number.isdigit() else number
        if number in rows:
            yield f"row {number!r} is there twice"
        rows[number] = row
    rejected = dict(outcome.rejected)
    typeless = _typeless(file)
    for line in file.lines:
        yield from _faults_of_line(line, way, rows, rejected, typeless)
    if rows:
        yield f"rows {list(rows)[:3]!r} were made up"
    if strange := rejected.keys() - {line.number for line in file.lines}:
        first = sorted(strange)[:3]
        yield f"lines {first} were rejected and do not exist: {[rejected[one] for one in first]}"


def _typeless(file: OddFile) -> set[str]:
    """The columns that have only empty fields and `""`, which do not determine a type."""
    cells = [(name, cell) for line in file.lines for name, cell in (line.cells or {}).items()]
    return {name for name, _ in cells}.difference(name for name, cell in cells if cell.text not in {"", '""'})


def _faults_of_line(
    line: Line,
    way: Way,
    rows: dict[Any, dict[str, Any]],
    rejected: dict[int, str],
    typeless: set[str],
) -> Iterator[str]:
    row = rows.pop(_key(line), None) if line.cells is not None else None
    if line.number in rejected:
        may_be = _is_bad(line, way) or (
            way.piece_bytes and not way.declared and "column" in rejected[line.number]
        )
        if not may_be:
            yield f"line {line.number} was rejected, though it is good: {rejected[line.number][:150]}"
        if row is not None:
            yield f"line {line.number} came in and was rejected"
        return
    if row is None:
        yield f"line {line.number} is lost"
        return
    for name, cell in (line.cells or {}).items():
        got = row.get({"n": name}.get(name, name))
        if name == "n":
            continue
        if fault := _fault_of_cell(cell, got, way, has_type=name not in typeless):
            yield f"line {line.number}, {name}: {cell.text[:40]} became {got!r:.60}: {fault}"
        if way.evolution == "rescue" and way.declared and cell.value is MISFIT and name not in _rescued(row):
            yield f"line {line.number}, {name}: {cell.text[:40]} was not rescued"


def _key(line: Line) -> Any:
    return (line.cells or {})["n"].value


def _rescued(row: dict[str, Any]) -> Any:
    return json.loads(row[RESCUED_COLUMN] or "{}")


def _fault_of_cell(cell: Cell, got: Any, way: Way, *, has_type: bool) -> str | None:
    if not way.declared:
        if got is None and cell.text == '""' and (way.piece_bytes or not has_type):
            return None  # a file, or a piece, of no other values does not give its column a type
        return None if _is_faithful(cell.plain, got) else "another value"
    if cell.value is EITHER:
        return None if got is not None or way.evolution == "rescue" else "null"
    if cell.value is MISFIT:
        return None if got is None and way.evolution == "rescue" else "no misfit"
    return None if _is_same(cell.value, got) else f"not {cell.value!r:.60}"


def _is_same(value: Any, got: Any) -> bool:
    if isinstance(value, AsJson):
        return isinstance(got, str) and json.loads(got, parse_float=Decimal) == value.value
    if isinstance(value, float) and isinstance(got, float):
        return value == got or (math.isnan(value) and math.isnan(got))
    return type(value) is type(got) and bool(value == got)


def _is_faithful(plain: Any, got: Any) -> bool:
    """Whether this is the value as some type holds it, nothing lost."""
    if got is None:
        return plain in (None, [], {})  # a column of nothing else has no type yet
    if plain is None:
        return False
    if isinstance(plain, Numeral):
        return _is_number(plain.text, got)
    if isinstance(plain, bool):
        return got in (plain, json.dumps(plain))
    if isinstance(plain, dict | list):
        return got == plain or (isinstance(got, str) and json.loads(got) == plain) or _is_filled(plain, got)
    if isinstance(plain, datetime | date) or isinstance(got, datetime):
        return _is_time(plain, got)
    if isinstance(plain, str):
        return got == plain or _is_text_of(plain, got)
    if isinstance(plain, int | Decimal) and isinstance(got, str | float):
        return _is_number(str(plain), got)
    return _is_same(plain, got) or bool(plain == got)


def _is_filled(plain: Any, got: Any) -> bool:
    """A struct has fields that other rows brought, null here."""
    if isinstance(plain, dict) and isinstance(got, dict):
        return (
            all(_is_filled(plain.get(name), value) for name, value in got.items())
            and plain.keys() <= got.keys()
        )
    if isinstance(plain, list) and isinstance(got, list):
        return len(plain) == len(got) and all(map(_is_filled, plain, got))
    return _is_faithful(plain, got)


def _is_time(plain: Any, got: Any) -> bool:
    """Times without a zone are UTC, and a number of a file's own time type is what it is."""
    if isinstance(plain, datetime) and isinstance(got, datetime):
        return plain.replace(tzinfo=plain.tzinfo or UTC) == got.replace(tzinfo=got.tzinfo or UTC)
    return isinstance(plain, int) or bool(plain == got)


def _is_text_of(text: str, got: Any) -> bool:
    if isinstance(got, bool):
        return text.lower() == json.dumps(got)
    return not isinstance(got, str) and _is_number(text, got)


def _is_number(text: str, got: Any) -> bool:
    try:
        if isinstance(got, float):
            return got == float(text) and (not text.lstrip("-").isdigit() or Decimal(got) == Decimal(text))
        return Decimal(str(got)) == Decimal(text)
    except (InvalidOperation, ValueError):
        return False
