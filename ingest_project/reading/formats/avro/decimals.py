"""Converts Avro's decimals, which are big-endian integers of any number of bytes, to Arrow's and to text."""

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Values = Any
"""An Arrow array: its stubs know no type for arrays of any type."""
DECIMAL_BYTES = 16
MAX_DIGITS = 38


def decimals_of(values: Values, precision: int, scale: int) -> Values:
    """The decimals with this precision, or with 38 digits if one needs them, or as text if one needs more."""
    unscaled = _unscaled(values)
    if unscaled is not None:
        found = _decimals(values, unscaled, precision, scale)
        if _has_at_most(precision, found):
            return found
        widest = _decimals(values, unscaled, MAX_DIGITS, scale)
        if _has_at_most(MAX_DIGITS, widest):
            return widest
    return texts_of(values, scale)


def texts_of(values: Values, scale: int) -> Values:
    """The decimals as text, with as many digits behind the point as their type has."""
    unscaled = _unscaled(values) if scale <= MAX_DIGITS else None
    if unscaled is not None:
        found = _decimals(values, unscaled, MAX_DIGITS, scale)
        if _has_at_most(MAX_DIGITS, found):
            return pl.Series(found).cast(pl.String()).to_arrow()
    return pa.array(
        [None if one is None else _text(one, scale) for one in values.to_pylist()], pa.large_string()
    )


def _has_at_most(digits: int, values: Values) -> bool:
    """Whether the unscaled numbers have at most so many digits. Arrow and Polars do not check it."""
    limit = 10**digits
    return bool(pl.Series(values).to_physical().is_between(-limit, limit, closed="none").all())


def _text(value: bytes, scale: int) -> str:
    unscaled = int.from_bytes(value, "big", signed=True)
    return format(Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale)), "f")


def _decimals(values: Values, unscaled: npt.NDArray[np.uint8], precision: int, scale: int) -> Values:
    buffers = [values.buffers()[0], pa.py_buffer(unscaled.data)]
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(values), buffers, values.null_count)


def _unscaled(values: Values) -> npt.NDArray[np.uint8] | None:
    """The numbers as little-endian integers of 128 bits, 0 for nulls; None if one is too long."""
    offsets = np.frombuffer(values.buffers()[1], np.int64)[: len(values) + 1]
    data = np.frombuffer(values.buffers()[2] or b"", np.uint8)
    sizes = np.diff(offsets)
    found = np.zeros((len(values), DECIMAL_BYTES), np.uint8)
    for size in map(int, np.unique(sizes)):
        if not size:
            continue
        rows = np.flatnonzero(sizes == size)
        if len(rows) == len(values):
            digits = data[offsets[0] : offsets[-1]].reshape(-1, size)
        else:
            digits = data[offsets[rows][:, None] + np.arange(size)]
        integers = _of_size(digits)
        if integers is None:
            return None
        found[rows] = integers
    return found


def _of_size(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | None:
    """The same for numbers of one size, which are rows of bytes."""
    signs = np.where(digits[:, :1] >= 0x80, np.uint8(0xFF), np.uint8(0))
    extra = digits.shape[1] - DECIMAL_BYTES
    if extra > 0:
        digits, beyond = digits[:, extra:], digits[:, :extra]
        if (beyond != signs).any() or ((digits[:, :1] ^ signs) >= 0x80).any():
            return None
    found = np.empty((len(digits), DECIMAL_BYTES), np.uint8)
    found[:, : digits.shape[1]] = digits[:, ::-1]
    found[:, digits.shape[1] :] = signs
    return found
