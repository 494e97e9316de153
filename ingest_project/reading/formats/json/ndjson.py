"""Reads NDJSON: one JSON object per line, many S3 objects at once.

The JSON values that a type accepts: `boolean` true or false; `int` and `long` an integer without point or
exponent; `float` and `double` any number; `decimal` a number, digit for digit; each of these also a string
that can be parsed as one; dates and times a string; `binary` and `fixed` a string in base64; `uuid` a string;
`string` any value: a string as it is, a number as it is written, an object or array as JSON. Lists accept an
array, structs and maps an object, whose parts they accept.
"""

from collections.abc import Collection, Mapping, Sequence

import polars as pl
from polars.exceptions import ComputeError, PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.formats.json.exact import inexact_numbers
from ingest_project.reading.formats.json.faults import explain
from ingest_project.reading.formats.json.floats import with_nearest_floats
from ingest_project.reading.formats.json.inference import parse_ndjson, read_undeclared
from ingest_project.reading.formats.json.nested import all_keys, with_exact_text, with_nested
from ingest_project.reading.formats.json.paths import with_path_texts
from ingest_project.reading.formats.json.scan import scan
from ingest_project.reading.formats.json.spelled import spelled_columns, with_spelled
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.values.json_nested import parsed_as
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.type_grammar import ColumnType, DecimalOf, Primitive, parse_column_type
from ingest_project.settings.wording import clipped

STRING = Primitive("string")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_ndjson(
    bodies: Sequence[bytes],
    fields: Mapping[str, str],
    *,
    uri: str,
    exact_paths: Collection[str] = (),
    explains: bool = True,
    names_json: bool = True,
) -> Parsed:
    """The rows of all bodies, parsed at once: these fields with types as near as JSON allows, then other
    fields.

    Blank lines, CRLF, byte order marks before lines and a missing last line end are allowed. If a JSON object
    has a key twice, the first counts. Values under `exact_paths` become a text column with the path's name if
    Polars would change their numbers. Raises ObjectUnreadable if a body is not valid NDJSON, SchemaMismatch
    if a value is not valid for its field's type. The line at fault is searched for only in a single body and
    if it `explains`, because that takes long. `names_json` is that of `line_fault`.
    """
    types = {name: parse_column_type(type_name) for name, type_name in fields.items()}
    plain = [without_marks(body) for body in bodies]
    content = plain[0] if len(plain) == 1 else b"\n".join(plain)
    try:
        frame = _frame(content, types, exact_paths, uri)
    except (PolarsError, RecursionError) as error:
        if explains and len(bodies) == 1:
            raise explain(content, fields, uri, str(error), names_json=names_json) from error
        reason = "at least one of the objects cannot be read" if len(bodies) > 1 else str(error)
        raise ObjectUnreadable(uri, clipped(reason.partition("\n")[0], 200)) from error
    json_texts = frozenset(
        name for name, dtype in frame.schema.items()
        if dtype == pl.String() and name in types and dtype_of(types[name]).is_nested()
    )  # fmt: skip
    return Parsed(frame, _rows(plain, frame.height, uri), json_texts=json_texts)


def _frame(
    content: bytes, types: Mapping[str, ColumnType], exact_paths: Collection[str], uri: str
) -> pl.DataFrame:
    """The columns of this NDJSON. Raises PolarsError or RecursionError if it is unreadable."""
    try:
        return _typed(content, types, exact_paths, uri)
    except PolarsError:
        if not (spelled := _spelled(content, types)):
            raise
    return _typed(content, types, exact_paths, uri, spelled)


def _spelled(content: bytes, types: Mapping[str, ColumnType]) -> frozenset[str]:
    try:
        return spelled_columns(content, types)
    except (ValueError, RecursionError):  # not valid JSON: Polars has a better message
        return frozenset()


def _typed(
    content: bytes,
    types: Mapping[str, ColumnType],
    exact_paths: Collection[str],
    uri: str,
    spelled: Collection[str] = (),
) -> pl.DataFrame:
    """The columns of this NDJSON; those that are `spelled` are first read as text."""
    direct = {name: pl.String() if name in spelled else parsed_as(wanted) for name, wanted in types.items()}
    flat = {name: wanted for name, wanted in types.items() if not dtype_of(wanted).is_nested()}
    read_as = {name: STRING if name in spelled else wanted for name, wanted in flat.items()}
    texts = [name for name, wanted in read_as.items() if wanted == STRING]
    decimals = [name for name, wanted in read_as.items() if isinstance(wanted, DecimalOf)]
    scanned = scan(content, decimals, texts, uri)
    frame = parse_ndjson(scanned.content, direct)
    if all_keys(frame) != scanned.keys:
        frame = _with_undeclared(frame, scanned.content)
    frame = with_nested(frame, scanned.content, types, scanned.keys, spelled=spelled)
    # `scan` has kept the digits of decimals. Their spelling does not matter: 12.50 and 12.5 are one value.
    frame = with_exact_text(frame, scanned.content, ({*types} - {*flat}) | {*decimals})
    frame = with_spelled(frame, {name: flat[name] for name in spelled if name in flat})
    _refuse_inexact(frame, scanned.content)
    frame = with_path_texts(frame, scanned.content, exact_paths)
    return with_nearest_floats(frame, types)


def without_marks(body: bytes) -> bytes:
    """The lines without byte order marks, which files that were joined may have brought."""
    if BYTE_ORDER_MARK[:1] not in body:  # a search for one byte takes a seventh of the time
        return body
    return body.removeprefix(BYTE_ORDER_MARK).replace(b"\n" + BYTE_ORDER_MARK, b"\n")


def _with_undeclared(frame: pl.DataFrame, content: bytes) -> pl.DataFrame:
    others = read_undeclared(content, frame.columns)
    return frame.hstack(others) if frame.width else others


def _refuse_inexact(frame: pl.DataFrame, content: bytes) -> None:
    """Raises ComputeError if a number of a declared column is not exact.

    Undeclared columns have a type that fits.
    """
    for name, numeral in inexact_numbers(frame, content).items():
        raise ComputeError(f"column {name!r}: {numeral} is not a valid double")


def _rows(bodies: Sequence[bytes], height: int, uri: str) -> tuple[int, ...]:
    """The rows per body. A row is one line, so if the sums of the counts agree, they agree for each body."""
    rows = [body.count(b"\n") + (body[-1:] not in {b"", b"\n"}) for body in bodies]
    if sum(rows) != height:
        rows = [sum(1 for line in body.split(b"\n") if line.strip()) for body in bodies]
    if sum(rows) != height:
        raise ObjectUnreadable(uri, f"{sum(rows)} lines gave {height} rows")
    return tuple(rows)
