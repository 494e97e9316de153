"""Reads NDJSON: one JSON object a line, many S3 objects in one go.

What a JSON value may become: `boolean` true or false; `int` and `long` an integer without point or exponent;
`float` and `double` any number; `decimal` a number, digit for digit, or a string that spells one; dates and times a
string; `string` any value: a string as it is, a number, object or array as JSON. Nested types take what their parts
take, but a decimal within them only a string.
"""

from collections.abc import Mapping, Sequence

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columns import refuse_new
from ingest_project.objects.ndjson_faults import explain
from ingest_project.objects.ndjson_inference import read_undeclared
from ingest_project.objects.ndjson_scan import scan
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.types import dtype_of

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_ndjson(
    bodies: Sequence[bytes], columns: Mapping[str, str] | None, *, uri: str, allow_new_columns: bool
) -> Parsed:
    """The rows of all bodies, parsed at once: the declared columns as near their types as JSON gives them, then others.

    Blank lines, CRLF, a byte order mark and a missing last line end are fine; of a key that one JSON object has twice
    the first counts. Raises ObjectUnreadable if any body is no NDJSON, SchemaMismatch if a value does not fit its
    column or a column is new and none may be.
    """
    schema = {name: _parsed_as(dtype_of(type_name)) for name, type_name in (columns or {}).items()}
    direct = {name: dtype for name, dtype in schema.items() if dtype is not None}
    exact_columns = [name for name in direct if _keeps_digits(dtype_of((columns or {})[name]))]
    plain = [body.removeprefix(BYTE_ORDER_MARK) for body in bodies]
    scanned = scan(plain[0] if len(plain) == 1 else b"\n".join(plain), exact_columns, uri)
    try:
        frame = pl.read_ndjson(scanned.content, schema=direct)
        if _key_count(frame) != scanned.keys:
            frame = _with_undeclared(frame, scanned.content, columns, uri, allow_new_columns)
    except PolarsError as error:
        raise _fault(scanned.content, bodies, columns, uri, error) from error
    return Parsed(frame, _rows(plain, frame.height, uri))


def _parsed_as(dtype: pl.DataType) -> pl.DataType | None:
    """What Polars parses strictly and fast is parsed as such, nested types by inference, all else as text."""
    if dtype.is_nested():
        return None
    # Float32 by way of Float64: Polars would make infinity of what is too large.
    if dtype.is_float():
        return pl.Float64()
    return dtype if isinstance(dtype, pl.Boolean | pl.Int32 | pl.Int64) else pl.String()


def _keeps_digits(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Decimal)


def _key_count(frame: pl.DataFrame) -> int:
    """How many keys with a value were read; if the text has no more of them, no column was passed over."""
    return sum(len(column) - column.null_count() for column in frame.iter_columns())


def _with_undeclared(
    frame: pl.DataFrame, content: bytes, columns: Mapping[str, str] | None, uri: str, allow_new_columns: bool
) -> pl.DataFrame:
    others = read_undeclared(content, frame.columns)
    if columns is not None and not allow_new_columns:
        refuse_new(
            (name for name, dtype in others.schema.items() if name not in columns and dtype != pl.Null), uri
        )
    return frame.hstack(others) if frame.width else others


def _rows(bodies: Sequence[bytes], height: int, uri: str) -> tuple[int, ...]:
    """Rows per body. No row spans lines, so if the counts agree in sum they agree for each body."""
    rows = [body.count(b"\n") + (body[-1:] not in {b"", b"\n"}) for body in bodies]
    if sum(rows) != height:
        rows = [sum(1 for line in body.split(b"\n") if line.strip()) for body in bodies]
    if sum(rows) != height:
        raise ObjectUnreadable(uri, f"{sum(rows)} lines gave {height} rows")
    return tuple(rows)


def _fault(
    content: bytes, bodies: Sequence[bytes], columns: Mapping[str, str] | None, uri: str, error: PolarsError
) -> Exception:
    if len(bodies) > 1:  # each will be read alone, and explained then
        return ObjectUnreadable(uri, "at least one of the objects cannot be read")
    return explain(content, columns or {}, uri, str(error))
