"""Avro files of every type and codec: plain rows with one field more, which once went another, slow way."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import fastavro
import pyarrow as pa

from ingest_project.reading.formats.avro.container import AvroBlock, AvroHeader, read_blocks, read_header
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project_tests.bench.reading.case import Bodies, Case, target_of

PLAIN_AVRO = "avro, a fifth of the rows"
COLUMNS = {"order_id": "long", "customer": "string", "items": "int"}
FIELDS = [{"name": name, "type": one} for name, one in COLUMNS.items()]
SHARE = 5
"""Avro's writer takes long, so the files have a part of the rows."""
BESIDE_FASTAVRO = frozenset({"map", "fixed decimal"})


def avro_cliffs() -> Iterator[Case]:
    """The plain case, then all others."""
    yield _case(PLAIN_AVRO, COLUMNS, partial(_of_fields, FIELDS, (), "null"), ("fastavro", "Polars"))
    for codec in ("deflate", "snappy", "zstandard", "bzip2", "xz"):
        yield _case(f"{PLAIN_AVRO}, {codec}", COLUMNS, partial(_of_fields, FIELDS, (), codec))
    for name, (schema, column, values) in avro_types().items():
        make = partial(_of_fields, [*FIELDS, {"name": "x", "type": schema}], values, "null")
        rivals = ("fastavro",) if name in BESIDE_FASTAVRO else ()
        yield _case(f"{PLAIN_AVRO}, {name}", COLUMNS | {"x": column}, make, rivals)
    yield _case(f"{PLAIN_AVRO}, records of two types", COLUMNS | {"x": "long", "y": "long"}, _of_two_types)
    yield _case(f"{PLAIN_AVRO}, error", COLUMNS, _of_errors)


def _case(
    name: str, columns: Mapping[str, str], make: Callable[[Bodies], bytes], rivals: tuple[str, ...] = ()
) -> Case:
    return Case(name, "avro", make, target_of(columns), PLAIN_AVRO, rivals, share=SHARE)


def _rows(bodies: Bodies) -> list[dict[str, Any]]:
    return bodies.frame.select(*COLUMNS).head(bodies.rows // SHARE).to_dicts()


def _of_fields(fields: Sequence[Any], values: Sequence[Any], codec: str, bodies: Bodies) -> bytes:
    """A file with these fields, of which `x` has these values in turns."""
    rows = _rows(bodies)
    filled = [row | {"x": values[place % len(values)]} for place, row in enumerate(rows)] if values else rows
    return packed(_file({"type": "record", "name": "r", "fields": fields}, filled), codec)


def _of_two_types(bodies: Bodies) -> bytes:
    kinds = [
        {"type": "record", "name": name, "fields": [*FIELDS, {"name": more, "type": "long"}]}
        for name, more in (("a", "x"), ("b", "y"))
    ]
    rows = _rows(bodies)
    return _file(
        kinds, [(("a", row | {"x": 1}), ("b", row | {"y": 2}))[place % 2] for place, row in enumerate(rows)]
    )


def _of_errors(bodies: Bodies) -> bytes:
    return _file({"type": "error", "name": "r", "fields": FIELDS}, _rows(bodies))


def _file(schema: Any, rows: Iterable[Any]) -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows)
    return sink.getvalue()


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
