"""Finds the rows that have a value which the file's own type does not allow, and shows it.

Nothing checks what a writer puts into a file: text that is not UTF-8, a time of day that is in no day, a
decimal of more digits than its type has. PyArrow tells that a column has such a value, but not in which rows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_project.reading.formats.arrow.map_keys import MARK
from ingest_project.reading.formats.arrow.rows_of_values import Mask, Values, rows_with

DAY_MILLISECONDS = 86_400_000
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""How many of each are in a second."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**63 - 1
TEXTS_AT_ONCE = 1024
WORD = 2**64
DECIMAL_BYTES = 16


def plain_form(values: Values) -> Values:
    """The same bytes in types that allow any value: text as bytes, times as numbers.

    Raises pa.ArrowException if the values are damaged otherwise, so that they must not be looked at.
    """
    found = values.view(_plain_type(values.type))
    found.validate(full=True)
    return found


def _plain_type(dtype: Any) -> Any:
    if isinstance(dtype, pa.StructType):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in dtype.fields])
    if isinstance(dtype, pa.MapType):
        return pa.map_(_plain_type(dtype.key_type), _plain_type(dtype.item_type))
    if isinstance(dtype, pa.ListType):
        return pa.list_(_plain_type(dtype.value_type))
    if isinstance(dtype, pa.LargeListType):
        return pa.large_list(_plain_type(dtype.value_type))
    if isinstance(dtype, pa.FixedSizeListType):
        return pa.list_(_plain_type(dtype.value_type), dtype.list_size)
    if isinstance(dtype, pa.BaseExtensionType):
        return _plain_type(dtype.storage_type)
    if isinstance(dtype, pa.DictionaryType):
        return pa.dictionary(dtype.index_type, _plain_type(dtype.value_type), dtype.ordered)
    return _plain_value(dtype)


def _plain_value(dtype: Any) -> Any:
    if pa.types.is_string(dtype):
        return pa.binary()
    if pa.types.is_large_string(dtype):
        return pa.large_binary()
    if pa.types.is_string_view(dtype):
        return pa.binary_view()
    if pa.types.is_decimal(dtype) or isinstance(dtype, pa.FixedSizeBinaryType):
        return pa.binary(dtype.byte_width)
    if pa.types.is_time32(dtype) or pa.types.is_date32(dtype):
        return pa.int32()
    return pa.int64() if pa.types.is_temporal(dtype) and dtype.bit_width == 64 else dtype


def may_exceed_days(dtype: Any) -> bool:
    """Whether a column of this type may have times that PyArrow allows and a column cannot hold."""
    if pa.types.is_nested(dtype):
        return any(may_exceed_days(dtype.field(place).type) for place in range(dtype.num_fields))
    return pa.types.is_date64(dtype) or (isinstance(dtype, pa.TimestampType) and dtype.unit == "s")


def invalid_rows(plain: Values, dtype: Any) -> Mask:
    """Whether each row has a value that is not valid for its type; `plain` are the values in plain form."""
    return rows_with([plain], dtype, _invalid)


def _invalid(arrays: Sequence[Values], dtype: Any) -> Mask | None:
    (plain,) = arrays
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return _not_text(plain)
    if pa.types.is_decimal(dtype):
        return _too_long(plain, dtype.precision)
    if isinstance(dtype, pa.Time32Type | pa.Time64Type):
        numbers = _numbers(plain)
        return np.asarray((numbers < 0) | (numbers >= 86_400 * UNITS[dtype.unit]))
    if pa.types.is_date64(dtype):
        days, rest = np.divmod(_numbers(plain), DAY_MILLISECONDS)
        return np.asarray((rest != 0) | (abs(days) >= 2**31))
    if isinstance(dtype, pa.TimestampType) and dtype.unit == "s":
        numbers = _numbers(plain)
        return np.asarray((numbers < -(LARGEST // 1000)) | (numbers > LARGEST // 1000))
    return None


def _numbers(plain: Values) -> Any:
    return plain.fill_null(0).to_numpy(zero_copy_only=False)


def _not_text(plain: Values) -> Mask:
    found = np.zeros(len(plain), np.bool_)
    for start in range(0, len(plain), TEXTS_AT_ONCE):
        some = plain.slice(start, TEXTS_AT_ONCE)
        try:
            pc.cast(some, pa.large_string())
        except pa.ArrowInvalid:
            found[start : start + TEXTS_AT_ONCE] = [not _is_text(one) for one in some.to_pylist()]
    return found


def _is_text(value: bytes | None) -> bool:
    try:
        return value is None or value.decode() is not None
    except UnicodeDecodeError:
        return False


def _too_long(plain: Values, digits: int) -> Mask:
    """Whether each little-endian integer has more than so many digits."""
    limit = 10**digits
    if plain.type.byte_width != DECIMAL_BYTES or not len(plain):
        return np.array([abs(_integer(one)) >= limit for one in plain.to_pylist()], np.bool_)
    data = np.frombuffer(plain.buffers()[1], "<u8")[2 * plain.offset :][: 2 * len(plain)].reshape(-1, 2)
    low, high = data[:, 0], data[:, 1].view(np.int64)
    top, top_low = divmod(limit, WORD)
    bottom, bottom_low = divmod(-limit, WORD)
    above = (high > top) | ((high == top) & (low >= np.uint64(top_low)))
    below = (high < bottom) | ((high == bottom) & (low <= np.uint64(bottom_low)))
    return np.asarray(above | below)


def _integer(value: bytes | None) -> int:
    return 0 if value is None else int.from_bytes(value, "little", signed=True)


def shown(value: Any, dtype: Any) -> object:
    """A value of a plain form as a bad row shows it: what is valid as usual, bytes of other text as `\\xff`,
    other times as numbers.
    """
    if value is None:
        return None
    if isinstance(dtype, pa.BaseExtensionType):
        return shown(value, dtype.storage_type)
    if isinstance(dtype, pa.DictionaryType):
        return shown(value, dtype.value_type)
    if isinstance(dtype, pa.StructType):
        return {_name(field.name): shown(value[field.name], field.type) for field in dtype.fields}
    if isinstance(dtype, pa.MapType):
        return {str(shown(key, dtype.key_type)): shown(one, dtype.item_type) for key, one in value}
    if isinstance(dtype, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        return [shown(one, dtype.value_type) for one in value]
    if pa.types.is_decimal(dtype):
        digits = tuple(map(int, str(abs(_integer(value)))))
        return Decimal((_integer(value) < 0, digits, -dtype.scale))
    return _shown_time(value, dtype) if pa.types.is_temporal(dtype) else _shown_bytes(value, dtype)


def _name(name: str) -> str:
    return "key" if name.startswith(MARK) else name


def _shown_bytes(value: Any, dtype: Any) -> object:
    is_binary = pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype) or pa.types.is_binary_view(dtype)
    if isinstance(value, bytes) and not is_binary and not isinstance(dtype, pa.FixedSizeBinaryType):
        return value.decode(errors="backslashreplace")
    return value


def _shown_time(value: int, dtype: Any) -> object:
    if pa.types.is_duration(dtype) or not pa.types.is_integer(_plain_value(dtype)):
        return value
    if pa.types.is_date(dtype):
        days, rest = divmod(value, 1 if pa.types.is_date32(dtype) else DAY_MILLISECONDS)
        return value if rest else str(np.datetime64(days, "D"))
    if isinstance(dtype, pa.Time32Type | pa.Time64Type):
        if not 0 <= value < 86_400 * UNITS[dtype.unit]:
            return value
        nanoseconds = value * (10**9 // UNITS[dtype.unit])
        time = (EPOCH + timedelta(microseconds=nanoseconds // 1000)).time().isoformat()
        return time if not nanoseconds % 1000 else f"{time[:8]}.{nanoseconds % 10**9:09}"
    return str(np.datetime64(value, dtype.unit)) + ("" if dtype.tz is None else "Z")
