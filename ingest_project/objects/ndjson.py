"""Reads NDJSON: one JSON object a line, many S3 objects in one go.

What a JSON value may become: `boolean` true or false; `int` and `long` an integer without point or exponent;
`float` and `double` any number; `decimal` a number, digit for digit, or a string that spells one; dates and times a
string, `binary` and `fixed` a string in base64, `uuid` a string; `string` any value: a string as it is, a number, object
or array as JSON. Nested types take what their parts take: lists an array, structs and maps an object.
"""

from collections.abc import Collection, Mapping, Sequence

import polars as pl
from polars.exceptions import ComputeError, PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.json_floats import with_nearest_floats
from ingest_project.objects.json_nested import keeps_digits, parsed_as
from ingest_project.objects.ndjson_exact import inexact_integers
from ingest_project.objects.ndjson_faults import explain
from ingest_project.objects.ndjson_inference import parse_ndjson, read_undeclared
from ingest_project.objects.ndjson_nested import all_keys, with_exact_text, with_nested
from ingest_project.objects.ndjson_scan import inexact_doubles, scan
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.types import dtype_of
from ingest_project.settings.type_grammar import ColumnType, parse_column_type

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_ndjson(
    bodies: Sequence[bytes],
    fields: Mapping[str, str],
    *,
    uri: str,
    exact_fields: Collection[str] = (),
    explains: bool = True,
) -> Parsed:
    """The rows of all bodies, parsed at once: these fields as near their types as JSON gives them, then others.

    Blank lines, CRLF, byte order marks before lines and a missing last line end are fine; of a key that one JSON object has twice
    the first counts. Numbers of `exact_fields`, at any depth, become strings where a double would change them. Raises
    ObjectUnreadable if any body is no NDJSON, SchemaMismatch if a value is none of its field's type; which line is at
    fault is looked for, which takes long, only of a single body and if `explains`.
    """
    types = {name: parse_column_type(type_name) for name, type_name in fields.items()}
    direct = {name: parsed_as(wanted) for name, wanted in types.items()}
    exact = [*(name for name, wanted in types.items() if _keeps_digits(wanted)), *exact_fields]
    plain = [without_marks(body) for body in bodies]
    scanned = scan(plain[0] if len(plain) == 1 else b"\n".join(plain), exact, uri)
    try:
        frame = parse_ndjson(scanned.content, direct)
        if all_keys(frame) != scanned.keys:
            frame = _with_undeclared(frame, scanned.content)
        frame = with_nested(frame, scanned.content, types, scanned.keys)
        frame = with_exact_text(frame, scanned.content)
        _refuse_inexact(frame, scanned.content)
        frame = with_nearest_floats(frame, types)
    except (PolarsError, RecursionError) as error:
        if explains and len(bodies) == 1:
            raise explain(scanned.content, fields, uri, str(error)) from error
        reason = "at least one of the objects cannot be read" if len(bodies) > 1 else str(error)
        raise ObjectUnreadable(uri, reason.partition("\n")[0][:200]) from error
    return Parsed(frame, _rows(plain, frame.height, uri))


def without_marks(body: bytes) -> bytes:
    """The lines without byte order marks: each file that was put into this one brought its own."""
    return body.removeprefix(BYTE_ORDER_MARK).replace(b"\n" + BYTE_ORDER_MARK, b"\n")


def _keeps_digits(wanted: ColumnType) -> bool:
    return not dtype_of(wanted).is_nested() and keeps_digits(wanted)


def _with_undeclared(frame: pl.DataFrame, content: bytes) -> pl.DataFrame:
    others = read_undeclared(content, frame.columns)
    return frame.hstack(others) if frame.width else others


def _refuse_inexact(frame: pl.DataFrame, content: bytes) -> None:
    """Raises ComputeError if a number of a declared column is not what was read; of others the type was chosen so."""
    nested = frame.select(name for name, dtype in frame.schema.items() if dtype.is_nested())
    changed = inexact_doubles(content, [name for name, dtype in frame.schema.items() if dtype.is_float()])
    changed |= inexact_integers(nested, content)
    for name, numeral in changed.items():
        raise ComputeError(f"column {name!r}: {numeral} is no double")


def _rows(bodies: Sequence[bytes], height: int, uri: str) -> tuple[int, ...]:
    """Rows per body. No row spans lines, so if the counts agree in sum they agree for each body."""
    rows = [body.count(b"\n") + (body[-1:] not in {b"", b"\n"}) for body in bodies]
    if sum(rows) != height:
        rows = [sum(1 for line in body.split(b"\n") if line.strip()) for body in bodies]
    if sum(rows) != height:
        raise ObjectUnreadable(uri, f"{sum(rows)} lines gave {height} rows")
    return tuple(rows)
