"""Objects whose rows or columns, and not whose bytes, could take the memory of a run."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

MIB = 1024**2
COLUMNS = {"order_id": "long", "customer_id": "long", "note": "string", "ordered_at": "timestamptz"}
SHORT_ROWS = 10_000_000
BAD_ROWS = 2_000_000
SMALL_OBJECTS, SMALL_ROWS = 10_000, 500
WIDE_ROWS, WIDE_COLUMNS = 5_000, 2_000


@dataclass(frozen=True)
class Shape:
    """The bodies of objects of one format, made one by one, and the good rows that they have together."""

    format: str
    bodies: Callable[[], Iterator[bytes]] = field(repr=False)
    rows: int
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS, repr=False)


def small_parquet() -> Iterator[bytes]:
    """Many small Parquet files, of which thousands are read together."""
    for number in range(SMALL_OBJECTS):
        ids = pl.int_range(number * SMALL_ROWS, (number + 1) * SMALL_ROWS, eager=True)
        frame = pl.DataFrame(
            {
                "order_id": ids,
                "customer_id": (ids * 7919) % 100_003,
                "note": "left at the door, " + ids.cast(pl.String),
                "ordered_at": (1_763_600_000_000_000 + ids * 10_000).cast(pl.Datetime("us", "UTC")),
            }
        )
        sink = io.BytesIO()
        frame.write_parquet(sink)
        yield sink.getvalue()


def wide() -> Iterator[bytes]:
    """Rows of 2,000 columns."""
    line = ",".join(f'"c{place}":{place * 7919}' for place in range(WIDE_COLUMNS))
    yield f"{{{line}}}\n".encode() * WIDE_ROWS


SHAPES: dict[str, Shape] = {
    "empty objects": Shape("ndjson", lambda: iter([b"{}\n" * SHORT_ROWS]), SHORT_ROWS),
    "short rows of csv": Shape("csv", lambda: iter([b"order_id\n" + b"1\n" * SHORT_ROWS]), SHORT_ROWS),
    "bad rows, 9 of 10": Shape(
        "ndjson", lambda: iter([(b'{"order_id":1}\n' + b"x\n" * 9) * (BAD_ROWS // 9)]), BAD_ROWS // 9
    ),
    "10,000 small files": Shape("parquet", small_parquet, SMALL_OBJECTS * SMALL_ROWS),
    "2,000 columns": Shape("ndjson", wide, WIDE_ROWS, {f"c{place}": "long" for place in range(WIDE_COLUMNS)}),
}
