"""Rows to measure with, the same for the same seed: orders with a decimal, a time and texts with escapes."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

COLUMNS = {
    "order_id": "long",
    "customer": "string",
    "note": "string",
    "amount": "decimal(18,2)",
    "items": "int",
    "ordered_at": "timestamptz",
}
"""The columns as Iceberg names their types."""
START = datetime(2026, 11, 20, tzinfo=UTC)
NOTES = ("left at the door", 'says "thank you"', "caf\u00e9 on the corner", "two\nlines")
ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\u00e9", "\\u00e9"))
"""How a program that writes ASCII only writes these characters in JSON."""
DAYS = 3


def orders(rows: int, seed: int, *, first: int = 0) -> pl.DataFrame:
    """Rows of the columns above with the order ids from `first` on, at times of three days."""
    ids = pl.int_range(first, first + rows, eager=True).alias("order_id")
    mixed = (ids + seed) * 2_654_435_761 % 4_294_967_291
    note = pl.DataFrame({"choice": mixed // 7 % len(NOTES)}).select(
        pl.col("choice").replace_strict(dict(enumerate(NOTES)), return_dtype=pl.String())
    )
    return pl.DataFrame(
        {
            "order_id": ids,
            "customer": "c" + (mixed % 1_000_000).cast(pl.String).str.zfill(6),
            "note": (mixed // 31 % 5000).cast(pl.String) + ": " + note.to_series(),
            "amount": ((mixed % 100_000).cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)),
            "items": (mixed // 11 % 9).cast(pl.Int32),
            "ordered_at": (ids % (DAYS * 86_400) * 1_000_000 + int(START.timestamp() * 1_000_000)).cast(
                pl.Datetime("us", "UTC")
            ),
        }
    )


def ndjson(frame: pl.DataFrame, names: Sequence[str] = (*COLUMNS,), *, behind: str = "") -> pl.Series:
    """A line for each row, with these columns and what stands behind them."""
    members = [part for name in names for part in (pl.lit(f',"{name}":'), _json(name, frame.schema[name]))]
    members[0] = pl.lit(f'{{"{names[0]}":')
    return frame.select(pl.concat_str(*members, pl.lit(f"{behind}}}\n"))).to_series()


def body_of(frame: pl.DataFrame, form: str) -> bytes:
    """The rows as a file of this format."""
    if form == "ndjson":
        return joined(ndjson(frame))
    if form == "csv":
        return frame.with_columns(ordered_at=iso_time("ordered_at")).write_csv().encode()
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def joined(lines: pl.Series) -> bytes:
    """The lines as one body."""
    text: str = lines.str.join("").item()
    return text.encode()


def iso_time(name: str, form: str = "%Y-%m-%dT%H:%M:%SZ") -> pl.Expr:
    """A time as text."""
    return pl.col(name).dt.strftime(form)


def _json(name: str, dtype: Any) -> pl.Expr:
    text = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        text = iso_time(name)
    elif dtype != pl.String():
        return text.cast(pl.String)
    for character, escape in ESCAPES:
        text = text.str.replace_all(character, escape, literal=True)
    return pl.concat_str(pl.lit('"'), text, pl.lit('"'))
