"""Files on which reading once took many times as long as on plain ones.

They differ by small changes of the content or the settings, which no user would expect to matter.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import polars as pl
import pyarrow as pa

from ingest_project.reading.formats.avro.container import AvroBlock, AvroHeader, read_blocks, read_header
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project.settings.formats import TableFormat

COLUMNS = {
    "order_id": "long",
    "customer": "string",
    "note": "string",
    "amount": "decimal(12,2)",
    "items": "int",
    "ordered_at": "timestamptz",
}
AVRO_FIELDS = [
    {"name": "order_id", "type": "long"},
    {"name": "customer", "type": "string"},
    {"name": "items", "type": "int"},
]
AVRO_COLUMNS = {str(one["name"]): COLUMNS[str(one["name"])] for one in AVRO_FIELDS}
PLAIN = {"ndjson": "ndjson", "csv": "csv", "parquet": "parquet", "avro": "avro, a fifth of the rows"}
"""The case of each format that its others are compared with."""


@dataclass(frozen=True)
class Cliff:
    """One body, and the table that it is read for."""

    name: str
    format: TableFormat
    body: bytes = field(repr=False)
    target: Target


def target_of(columns: Mapping[str, str], *, rescues: bool = False, **mapping: Any) -> Target:
    """A table with these columns, all of them declared."""
    mapped = tuple(MappedColumn(name, one, name) for name, one in columns.items())
    return Target(columns, "rescue" if rescues else "add_columns", replace(ColumnMapping(mapped), **mapping))


def cliffs(lines: Sequence[bytes], csv: bytes) -> Iterator[Cliff]:
    """All of them, made from lines of NDJSON and from the same rows as CSV."""
    plain = target_of(COLUMNS)
    rescue = target_of(COLUMNS, rescues=True)

    def ndjson(name: str, member: str, target: Target, *, every: int = 1) -> Cliff:
        more = f",{member}}}\n".encode()
        body = (line[:-2] + more if place % every == 0 else line for place, line in enumerate(lines))
        return Cliff(f"ndjson, {name}", "ndjson", b"".join(body), target)

    yield ndjson("rescue, an undeclared double", '"score":0.25', rescue)
    yield ndjson("rescue, an undeclared integer", '"score":25', rescue)
    yield ndjson("rescue, an undeclared object", '"extra":{"a":[1,"x"]}', rescue)
    yield ndjson("an undeclared double", '"score":0.25', plain)
    yield ndjson("an undeclared object", '"extra":{"a":[1,2],"b":"x"}', plain)
    drop = target_of(COLUMNS, ignored=frozenset({"score"}))
    yield ndjson("drop of a column", '"score":0.25', drop)
    yield ndjson("map of floats", '"m":{"a":0.5,"b":1.5}', target_of(COLUMNS | {"m": "map<string, float>"}))
    yield ndjson("map of doubles", '"m":{"a":0.5,"b":1.5}', target_of(COLUMNS | {"m": "map<string, double>"}))
    price = target_of(COLUMNS | {"s": "struct<price: decimal(12,2), n: long>"})
    yield ndjson("struct with a decimal", '"s":{"price":1.25,"n":3}', price)
    yield ndjson(
        "struct with a decimal, 17 digits elsewhere", '"s":{"price":1.25,"n":12345678901234567}', price
    )
    note = target_of(COLUMNS | {"j": "string"})
    yield ndjson("objects in a string", '"j":{"a":1.50,"b":["x"]}', note)
    yield ndjson("an object in a string, one in 1,000", '"j":{"a":1.50}', note, every=1000)
    yield ndjson("numbers in a string", '"j":1.50', note)
    yield ndjson("JSON text in a string", '"j":"{\\"a\\":1}"', note)
    known = target_of(COLUMNS | {"s": "struct<a: long>"})
    yield ndjson("struct with an undeclared field", '"s":{"a":1,"b":"x"}', known)
    path = MappedColumn("zip", "string", "address.zip")
    below = target_of(COLUMNS | {"zip": "string"})
    below = replace(below, mapping=replace(below.mapping, mapped=(*below.mapping.mapped[:-1], path)))
    yield ndjson("a column from a path", '"address":{"zip":"06300","n":1.5}', below)
    yield ndjson("numbers as strings", '"k":"17"', target_of(COLUMNS | {"k": "long"}))
    yield from _of_csv(csv)
    yield from _typed(lines)


def _of_csv(csv: bytes) -> Iterator[Cliff]:
    header, *rows = csv.splitlines(keepends=True)
    struct = target_of(COLUMNS | {"s": "struct<a: long, b: string>"})
    json_text = b"".join(row.rstrip(b"\n") + b',"{""a"":1,""b"":""x""}"\n' for row in rows)
    yield Cliff("csv, a struct as JSON text", "csv", header.rstrip(b"\n") + b",s\n" + json_text, struct)
    quoted = b"".join(row.rstrip(b"\n") + b',"q",\n' for row in rows)
    yield Cliff(
        "csv, quotes and an empty last column", "csv", header.rstrip(b"\n") + b",q,z\n" + quoted,
        target_of(COLUMNS | {"q": "string", "z": "string"}),
    )  # fmt: skip


def _typed(lines: Sequence[bytes]) -> Iterator[Cliff]:
    frame = pl.read_ndjson(b"".join(lines), schema=dict.fromkeys(COLUMNS, pl.String())).with_columns(
        pl.col("order_id").cast(pl.Int64()), pl.col("amount").cast(pl.Decimal(12, 2)),
        pl.col("items").cast(pl.Int32()),
        pl.col("ordered_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
    )  # fmt: skip
    text = pl.col("ordered_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    half = pl.lit(0.25).alias("score")
    struct = target_of(COLUMNS | {"s": "struct<a: long, b: string>"})
    yield Cliff("parquet", "parquet", _parquet(frame), target_of(COLUMNS))
    yield Cliff("parquet, times as text", "parquet", _parquet(frame.with_columns(text)), target_of(COLUMNS))
    rescue = target_of(COLUMNS, rescues=True)
    yield Cliff("parquet, rescue of a double", "parquet", _parquet(frame.with_columns(half)), rescue)
    note = pl.col("note").alias("more")
    yield Cliff("parquet, rescue of a text", "parquet", _parquet(frame.with_columns(note)), rescue)
    as_text = pl.lit('{"a":1,"b":"x"}').alias("s")
    yield Cliff("parquet, a struct as JSON text", "parquet", _parquet(frame.with_columns(as_text)), struct)
    yield from _avro(frame)


def _avro(frame: pl.DataFrame) -> Iterator[Cliff]:
    """A fifth of the rows, with one field more for each type: Avro's writer takes long."""
    rows = frame.select("order_id", "customer", "items").head(frame.height // 5).to_dicts()
    plain = PLAIN["avro"]
    yield Cliff(plain, "avro", _written(AVRO_FIELDS, rows), target_of(AVRO_COLUMNS))
    for codec in ("deflate", "snappy", "zstandard", "bzip2", "xz"):
        yield Cliff(
            f"{plain}, {codec}", "avro", packed(_written(AVRO_FIELDS, rows), codec), target_of(AVRO_COLUMNS)
        )
    for name, (schema, column, values) in avro_types().items():
        fields = [*AVRO_FIELDS, {"name": "x", "type": schema}]
        filled = [row | {"x": values[place % len(values)]} for place, row in enumerate(rows)]
        yield Cliff(
            f"{plain}, {name}", "avro", _written(fields, filled), target_of(AVRO_COLUMNS | {"x": column})
        )
    kinds = [
        {"type": "record", "name": name, "fields": [*AVRO_FIELDS, {"name": more, "type": "long"}]}
        for name, more in (("a", "x"), ("b", "y"))
    ]
    of_kinds = [(("a", row | {"x": 1}), ("b", row | {"y": 2}))[place % 2] for place, row in enumerate(rows)]
    yield Cliff(
        f"{plain}, records of two types", "avro", _file(kinds, of_kinds),
        target_of(AVRO_COLUMNS | {"x": "long", "y": "long"}),
    )  # fmt: skip
    error = {"type": "error", "name": "r", "fields": AVRO_FIELDS}
    yield Cliff(f"{plain}, error", "avro", _file(error, rows), target_of(AVRO_COLUMNS))


def avro_types() -> Mapping[str, tuple[Any, str, Sequence[Any]]]:
    """Types of Avro by name, each with the type of its column and some values."""
    enum = {"type": "enum", "name": "e", "symbols": ["A", "B"]}
    point = {
        "type": "record",
        "name": "p",
        "fields": [{"name": "x", "type": "long"}, {"name": "y", "type": "double"}],
    }
    node = {
        "type": "record", "name": "n",
        "fields": [{"name": "v", "type": "long"}, {"name": "next", "type": ["null", "n"]}],
    }  # fmt: skip
    amounts = [Decimal("1.25"), Decimal("-99999.99"), Decimal("0.00")]
    when = [datetime(2026, 1, 1, 1, 2, 3, tzinfo=UTC), datetime(1969, 1, 1, tzinfo=UTC)]
    naive = [one.replace(tzinfo=None) for one in when]
    points = [{"x": 1, "y": 0.5}, {"x": 2, "y": -0.0}]

    def decimal(stored: Mapping[str, Any], precision: int = 12) -> dict[str, Any]:
        return {**stored, "logicalType": "decimal", "precision": precision, "scale": 2}

    def logical(stored: str, name: str) -> dict[str, Any]:
        return {"type": stored, "logicalType": name}

    fixed = {"type": "fixed", "name": "f", "size": 8}
    pairs = [{"a": 1, "b": 2}, {"c": 3}]
    return {
        "long": ("long", "long", [1, 2]),
        "map": ({"type": "map", "values": "long"}, "map<string, long>", pairs),
        "nullable map": (["null", {"type": "map", "values": "long"}], "map<string, long>", [*pairs, None]),
        "map of records": ({"type": "map", "values": point}, "map<string, struct<x: long, y: double>>",
                           [{"a": points[0]}, {"b": points[1], "c": points[0]}]),
        "map of decimals": ({"type": "map", "values": decimal(fixed)}, "map<string, decimal(12,2)>",
                            [{"a": amounts[0]}, {"b": amounts[1], "c": amounts[2]}]),
        "array of maps": ({"type": "array", "items": {"type": "map", "values": "long"}},
                          "list<map<string, long>>", [pairs, pairs[:1]]),
        "array": ({"type": "array", "items": "string"}, "list<string>", [["a", "b"], ["c"]]),
        "record": (point, "struct<x: long, y: double>", points),
        "nullable record": (["null", point], "struct<x: long, y: double>", [*points, None]),
        "a type used twice": (
            {
                "type": "record", "name": "q",
                "fields": [{"name": "a", "type": point}, {"name": "b", "type": "p"}],
            },
            "struct<a: struct<x: long, y: double>, b: struct<x: long, y: double>>",
            [{"a": one, "b": one} for one in points],
        ),
        "fixed decimal": (decimal(fixed), "decimal(12,2)", amounts),
        "nullable fixed decimal": (["null", decimal(fixed)], "decimal(12,2)", [*amounts, None]),
        "bytes decimal": (decimal({"type": "bytes"}), "decimal(12,2)", amounts),
        "decimal of 50 digits": (decimal({"type": "bytes"}, 50), "decimal(12,2)", amounts),
        "fixed": (fixed, "fixed[8]", [b"12345678"]),
        "fixed of 100 bytes": ({**fixed, "size": 100}, "fixed[100]", [b"x" * 100]),
        "duration": ({**fixed, "size": 12, "logicalType": "duration"}, "fixed[12]", [b"x" * 12]),
        "enum": (enum, "string", ["A", "B"]),
        "nullable enum": (["null", enum], "string", ["A", "B", None]),
        "array of enums": ({"type": "array", "items": enum}, "list<string>", [["A", "B"], ["B"]]),
        "uuid": (logical("string", "uuid"), "uuid", [UUID(int=5), UUID(int=2**127 + 9)]),
        "date": (logical("int", "date"), "date", [one.date() for one in when]),
        "time-millis": (logical("int", "time-millis"), "time", [one.time() for one in when]),
        "time-micros": (logical("long", "time-micros"), "time", [one.time() for one in when]),
        **{
            f"{prefix}timestamp-{unit}": (logical("long", f"{prefix}timestamp-{unit}"), column, some)
            for unit in ("millis", "micros", "nanos")
            for prefix, column, some in (
                ("", "timestamptz", when if unit != "nanos" else [1_700_000_000_000_000_000]),
                ("local-", "timestamp", naive if unit != "nanos" else [1_700_000_000_000_000_000]),
            )
        },
        "null": ("null", "long", [None]),
        "union of null, long and string": (["null", "long", "string"], "string", [1, "x", None]),
        "union of string and record": (["string", point], "string", ["x", *points]),
        "union of one": (["long"], "long", [1, 2]),
        "a type within itself": (node, "struct<v: long, next: string>",
                                 [{"v": 1, "next": {"v": 2, "next": None}}, {"v": 3, "next": None}]),
    }  # fmt: skip


def packed(body: bytes, codec: str) -> bytes:
    """The same Avro file with another codec, of those that fastavro needs more packages for, too."""
    file = ByteSource([body])
    header = read_header(file)
    pack = PACKERS[codec]
    blocks = [
        AvroBlock(block.rows, pack(block.data)).encoded(header.sync) for block in read_blocks(file, header)
    ]
    return b"".join([AvroHeader(header.schema, codec, header.sync).encoded(), *blocks])


def _by_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _by_snappy(data: bytes) -> bytes:
    return pa.Codec("snappy").compress(data, asbytes=True) + zlib.crc32(data).to_bytes(4, "big")


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "null": lambda data: data,
    "deflate": _by_deflate,
    "snappy": _by_snappy,
    "zstandard": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


def _parquet(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def _written(fields: list[dict[str, Any]], rows: list[dict[str, Any]]) -> bytes:
    return _file({"type": "record", "name": "r", "fields": fields}, rows)


def _file(schema: Any, rows: Iterable[Any]) -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows)
    return sink.getvalue()
