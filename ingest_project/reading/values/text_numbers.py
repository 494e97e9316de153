"""Parses text as numbers and booleans, exactly or not at all."""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation, Overflow

import polars as pl

EXPONENT = r"[eE]"
LONG_INTEGER = r"^[+-]?[0-9]{8,}$"
"""An integer with fewer digits is exactly representable as a float and as a double."""
EXACT = Context(prec=200, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation, Overflow])
"""A valid decimal does not have so many digits, except for zeros that do not change it."""


def booleans(text: pl.Series) -> pl.Series:
    """The booleans: `true` and `false` in any case. Others, such as `1` or `yes`, are null."""
    lower = text.str.to_lowercase()
    return null_where(lower == "true", ~lower.is_in(["true", "false"]))


def floats(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The numbers, `nan`, `inf` and `infinity` with a sign, each rounded once; null if out of range.

    An integer that is not exactly representable is null, too.
    """
    # Not by way of a double: rounded twice, a fraction may become the float beside the nearest one.
    value = text.cast(dtype, strict=False)
    # A number out of range would become infinity.
    finite = null_where(value, value.is_infinite() & ~text.str.contains(r"(?i)inf"))
    is_long = finite.is_not_null() & text.str.contains(LONG_INTEGER)
    if not is_long.any():
        return finite
    pairs = zip(finite.filter(is_long), text.filter(is_long), strict=True)
    changed = [one for number, one in pairs if abs(int(number)) != int(one.lstrip("+-0") or 0)]
    return null_where(finite, text.is_in(changed)) if changed else finite


def decimals(text: pl.Series, dtype: pl.Decimal) -> pl.Series:
    """The numbers that the type holds digit for digit, including `1e3` and `1.500`; null if not
    representable.
    """
    # Polars rounds what has more fraction digits than the type.
    inexact = text.str.contains(rf"\.[0-9]{{{dtype.scale}}}[0-9]*[1-9]|{EXPONENT}")
    values = null_where(text.cast(dtype, strict=False), inexact)
    if not inexact.any() or not text.str.contains(EXPONENT).any():
        return values
    scientific = text.filter(text.str.contains(EXPONENT).fill_null(value=False)).unique()
    exact = pl.Series(
        [_exact(one, dtype.precision or 38, dtype.scale) for one in scientific], dtype=dtype, strict=False
    )
    spelled = text.replace_strict(scientific, exact, default=None, return_dtype=dtype)
    return pl.select(pl.coalesce(values, spelled)).to_series().alias(text.name)


def _exact(text: str, precision: int, scale: int) -> Decimal | None:
    """The number in scientific notation; None if the type cannot hold all of its digits."""
    try:
        value = EXACT.create_decimal(text)
    except ArithmeticError:
        return None
    if not value:
        return Decimal(0)
    if not value.is_finite() or value.adjusted() >= precision - scale:
        return None
    digits = value.as_tuple().digits
    trailing_zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    lowest = value.adjusted() - len(digits) + 1 + trailing_zeros
    # Without the zeros at its end: Polars refuses more than 38 digits.
    return value.normalize(EXACT) if lowest >= -scale else None


def null_where(values: pl.Series, unwanted: pl.Series) -> pl.Series:
    """The values, null where `unwanted` is true."""
    if not unwanted.any():
        return values
    return (
        pl.select(pl.when(unwanted.fill_null(value=False)).then(None).otherwise(values))
        .to_series()
        .alias(values.name)
    )
