"""Odd Parquet, ORC, Avro and Arrow files: types, layouts and damage; and objects of bytes."""

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import fastavro
import pyarrow as pa
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import MISFIT, Cell, Fate, Line, Maker, OddFile
from ingest_project_tests.odd_files.json_kinds import FOREIGN

Write = Callable[[pa.Table], bytes]
AT = datetime(2026, 11, 20, 10, 11, 12, 123456, tzinfo=UTC)
FAR = 253402300800  # the first second of the year 10000


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def arrow_file(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with ipc.new_file(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=4)
    return sink.getvalue()


def arrow_stream(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=4)
    return sink.getvalue()


def arrow_streams(table: pa.Table) -> bytes:
    middle = table.num_rows // 2
    return arrow_stream(table.slice(0, middle)) + arrow_stream(table.slice(middle))


def orc_file(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    orc.write_table(table, sink, **options)
    return sink.getvalue()


WRITERS: Mapping[TableFormat, Mapping[str, Write]] = {
    "parquet": {
        "plain": parquet,
        "format 1.0": lambda table: parquet(table, version="1.0"),
        "no dictionary": lambda table: parquet(table, use_dictionary=False, compression="none"),
        "small groups": lambda table: parquet(table, row_group_size=3, compression="zstd"),
        "pages v2": lambda table: parquet(table, data_page_version="2.0", data_page_size=64),
        "checksums": lambda table: parquet(table, write_page_checksum=True, compression="gzip"),
        "brotli, no statistics": lambda table: parquet(table, compression="brotli", write_statistics=False),
        "lz4": lambda table: parquet(table, compression="lz4"),
    },
    "ipc": {
        "file": arrow_file,
        "stream": arrow_stream,
        "streams put together": arrow_streams,
        "metadata of bytes": lambda table: arrow_stream(table.replace_schema_metadata({b"r": b"\xff"})),
        "lz4 file": lambda table: arrow_file(table, compression="lz4"),
        "zstd stream": lambda table: arrow_stream(table, compression="zstd"),
    },
    "orc": {
        "plain": orc_file,
        "zlib": lambda table: orc_file(table, compression="zlib", dictionary_key_size_threshold=1.0),
        "zstd, format 0.11": lambda table: orc_file(table, compression="zstd", file_version="0.11"),
        "snappy": lambda table: orc_file(table, compression="snappy", row_index_stride=1000),
    },
}

ODD_COLUMNS: Mapping[str, tuple[str, pa.DataType, Sequence[Any], Sequence[Any]]] = {
    "int64 in an int": ("code", pa.int64(), [5, 2**31, None], [5, MISFIT, None]),
    "uint64 in an int": ("code", pa.uint64(), [5, 2**64 - 1, None], [5, MISFIT, None]),
    "int8": ("code", pa.int8(), [5, -128, None], [5, -128, None]),
    "fractions in a double": ("ratio", pa.float32(), [0.5, float("nan"), float("inf")],
        [0.5, float("nan"), float("inf")]),
    "half floats": ("ratio", pa.float16(), [0.5, -0.0, None], [0.5, -0.0, None]),
    "integers in a double": ("ratio", pa.int64(), [1, 2**53 + 1, None], [1.0, MISFIT, None]),
    "long decimals": ("amount", pa.decimal256(60, 2), [Decimal("1.50"), Decimal(10) ** 40, None],
        [Decimal("1.50"), MISFIT, None]),
    "decimals of another scale": ("amount", pa.decimal128(20, 4),
        [Decimal("1.5000"), Decimal("1.5050"), None], [Decimal("1.50"), MISFIT, None]),
    "decimals of no scale": ("amount", pa.decimal128(5, 0), [Decimal(7), None, Decimal(-1)],
        [Decimal(7), None, Decimal(-1)]),
    "text decimals": ("amount", pa.string(), ["1.5", "N/A", None], [Decimal("1.50"), MISFIT, None]),
    "nanoseconds": ("at", pa.timestamp("ns", "UTC"), [1000, 1, None],
        [datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), MISFIT, None]),
    "seconds": ("at", pa.timestamp("s"), [0, FAR, None], [datetime(1970, 1, 1, tzinfo=UTC), MISFIT, None]),
    "milliseconds of a zone": ("at", pa.timestamp("ms", "Europe/Berlin"), [0, -62135596800001, None],
        [datetime(1970, 1, 1, tzinfo=UTC), MISFIT, None]),
    "times of an offset": ("at", pa.timestamp("us", "+05:30"), [0, None, 1],
        [datetime(1970, 1, 1, tzinfo=UTC), None, datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]),
    "dictionaries": ("name", pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"], ["a", None, "a"]),
    "large text": ("name", pa.large_string(), ["a", "", None], ["a", "", None]),
    "bytes": ("name", pa.binary(), [b"a", b"\xff", None], ["a", MISFIT, None]),
    "views of text": ("name", pa.string_view(), ["a", "x" * 40, None], ["a", "x" * 40, None]),
    "nothing": ("name", pa.null(), [None] * 3, [None] * 3),
    "text with NUL": ("name", pa.string(), ["\0", "\ufeff", "a\nb"], ["\0", "\ufeff", "a\nb"]),
}  # fmt: skip
UNSUPPORTED: Mapping[str, Any] = {
    "intervals": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "durations": pa.array([5], pa.duration("s")),
    "unions": pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
    "views of lists": pa.array([[1]], pa.list_view(pa.int64())),
}
NOT_IN_ORC = {
    *UNSUPPORTED, "uint64 in an int", "half floats", "long decimals", "dictionaries", "views of text",
    "nothing",
    "seconds", "milliseconds of a zone",  # far times, which PyArrow refuses in ORC
}  # fmt: skip
FILLED: Mapping[str, pa.DataType] = {
    "ratio": pa.float64(),
    "ok": pa.bool_(),
    "at": pa.timestamp("us", "UTC"),
    "name": pa.string(),
}


def table_of(
    rng: Random, column: str = "", dtype: pa.DataType | None = None, odd: Sequence[Any] = ()
) -> tuple[pa.Table, int]:
    """A table with an odd column at its end, and how often its values are repeated."""
    times = rng.randint(1, 4)
    height = times * (len(odd) or 3)
    plain: Mapping[str, list[Any]] = {
        "ratio": [0.5, None, -1.0],
        "ok": [True, None, False],
        "at": [AT, None, AT],
        "name": ["a", None, "é"],
    }
    arrays: dict[str, Any] = {"n": pa.array(range(1, height + 1), pa.int64())}
    for name, values in plain.items():
        if name != column:
            arrays[name] = pa.array((values * height)[:height], FILLED[name])
    if dtype is not None:
        arrays[column] = pa.array(list(odd) * times, dtype)
    return pa.table(arrays), times


def lines_of(
    table: pa.Table, column: str = "", expected: Sequence[Any] = (), values: Sequence[Any] = ()
) -> tuple[Line, ...]:
    lines = []
    for place, row in enumerate(
        table.drop_columns([column] if column in table.column_names else []).to_pylist()
    ):
        cells = {name: Cell("", value, value) for name, value in row.items()}
        if column:
            value = expected[place % len(expected)]
            cells[column] = Cell("", value, values[place % len(values)])
        lines.append(Line(place + 1, cells))
    return tuple(lines)


def with_column(file_format: TableFormat, name: str, write: Write) -> Maker:
    column, dtype, values, expected = ODD_COLUMNS[name]

    def make(rng: Random) -> OddFile:
        table, _ = table_of(rng, column, dtype, values)
        return OddFile(
            file_format, "type of a column", write(table), lines_of(table, column, expected, values)
        )

    return make


def unsupported(file_format: TableFormat, values: Any, write: Write) -> Maker:
    return lambda _: OddFile(
        file_format,
        "unsupported type",
        write(pa.table({"n": pa.array([1]), "name": values})),
        fate="either",
        is_lax=True,
    )


def clean(file_format: TableFormat, write: Write) -> Maker:
    def make(rng: Random) -> OddFile:
        table, _ = table_of(rng)
        return OddFile(file_format, "layout", write(table), lines_of(table))

    return make


def damaged(file_format: TableFormat, write: Write) -> Maker:
    def make(rng: Random) -> OddFile:
        table, _ = table_of(rng)
        body = bytearray(write(table))
        match rng.randrange(5):
            case 0 | 1:
                for _ in range(rng.choice([1, 1, 2, 8])):
                    body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
                kind = "flipped bits"
            case 2:
                del body[rng.randrange(1, len(body)) :]
                kind = "cut short"
            case 3:
                start = rng.randrange(len(body))
                body[start : start + rng.randint(1, 40)] = rng.randbytes(rng.randint(0, 40))
                kind = "bytes replaced"
            case _:
                body += rng.randbytes(rng.randint(1, 40))
                kind = "garbage behind"
        return OddFile(file_format, kind, bytes(body), lines_of(table), fate="either", is_lax=True)

    return make


def empty(file_format: TableFormat, write: Write) -> Maker:
    def make(rng: Random) -> OddFile:
        table, _ = table_of(rng)
        return OddFile(file_format, "no rows", write(table.slice(0, 0)))

    return make


def names(file_format: TableFormat, write: Write, wrong: list[str], fate: Fate) -> Maker:
    arrays = [pa.array([1, 2])] * (len(wrong) + 1)
    return lambda _: OddFile(
        file_format, "names of columns", write(pa.table(arrays, ["n", *wrong])), fate=fate, is_lax=True
    )


def arrow_kinds(file_format: TableFormat) -> dict[str, Maker]:
    """All kinds of Parquet, Arrow or ORC files by their names."""
    found: dict[str, Maker] = {}
    refused = set(NOT_IN_ORC) if file_format == "orc" else set()
    refused |= {"intervals", "unions", "views of lists", "half floats"} if file_format == "parquet" else set()
    if file_format == "parquet":  # which cannot write these
        refused |= {"half floats"} if not _writes_half_floats() else set()
    for writer, write in WRITERS[file_format].items():
        found[f"clean, {writer}"] = clean(file_format, write)
        found[f"empty, {writer}"] = empty(file_format, write)
        for number in range(6):
            found[f"damaged, {writer}, {number}"] = damaged(file_format, write)
    write = next(iter(WRITERS[file_format].values()))
    found |= {name: with_column(file_format, name, write) for name in ODD_COLUMNS if name not in refused}
    found |= {
        name: unsupported(file_format, array, write)
        for name, array in UNSUPPORTED.items()
        if name not in refused
    }
    found |= {name: _foreign(file_format, body) for name, body in FOREIGN.items()}
    found["names twice"] = names(file_format, write, ["x", "x"], "fails")
    found["reserved names"] = names(file_format, write, ["_batch_id"], "either")
    found["names but for case"] = names(file_format, write, ["N"], "either")
    found["no names"] = names(file_format, write, [""], "either")
    found["dots in names"] = names(file_format, write, ["n.x"], "either")
    return found


def _writes_half_floats() -> bool:
    try:
        parquet(pa.table({"a": pa.array([1.0], pa.float16())}))
    except pa.ArrowException:
        return False
    return True


def _foreign(file_format: TableFormat, body: bytes) -> Maker:
    return lambda _: OddFile(file_format, "another format", body, fate="fails")


AVRO_CODECS = ("null", "deflate", "bzip2", "xz")
AVRO_COLUMNS: Mapping[str, tuple[str, Any, Sequence[Any], Sequence[Any]]] = {
    "a union of several types": ("name", ["null", "string", "long"], ["a", 5, None], ["a", "5", None]),
    "an enum": ("name", {"type": "enum", "name": "e", "symbols": ["A", "B"]}, ["A", "B"], ["A", "B"]),
    "a union with an enum": ("name", ["null", {"type": "enum", "name": "e", "symbols": ["A"]}], ["A", None],
        ["A", None]),
    "a long in an int": ("code", "long", [5, 2**31], [5, MISFIT]),
    "a float": ("ratio", "float", [0.5, float("nan")], [0.5, float("nan")]),
    "decimals": ("amount", {"type": "bytes", "logicalType": "decimal", "precision": 14, "scale": 2},
        [Decimal("1.50"), Decimal("-999999999999.99")], [Decimal("1.50"), MISFIT]),
    "long decimals": ("amount", {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 2},
        [Decimal("1.50")], [Decimal("1.50")]),
    "far times": ("at", {"type": "long", "logicalType": "timestamp-millis"}, [0, FAR * 1000],
        [datetime(1970, 1, 1, tzinfo=UTC), MISFIT]),
    "nanoseconds": ("at", {"type": "long", "logicalType": "timestamp-nanos"}, [1000, 1],
        [datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), MISFIT]),
    "bytes": ("name", "bytes", [b"a", b"\xff"], ["a", MISFIT]),
    "an unknown logical type": ("code", {"type": "int", "logicalType": "zip-code"}, [5], [5]),
    "dates in a timestamp": ("at", {"type": "int", "logicalType": "date"}, [date(2026, 1, 1)], [MISFIT]),
}  # fmt: skip


def avro(
    schema: Any, values: Sequence[Any], column: str = "name", codec: str = "null"
) -> tuple[bytes, list[dict[str, Any]]]:
    record = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "n", "type": "long"}, {"name": column, "type": schema}],
    }
    rows = [{"n": place, column: value} for place, value in enumerate(values, 1)]
    sink = io.BytesIO()
    fastavro.writer(sink, record, rows, codec=codec, sync_interval=48)
    return sink.getvalue(), rows


def avro_kinds() -> dict[str, Maker]:
    """All kinds of Avro files by their names."""
    found: dict[str, Maker] = {name: _avro_column(*told) for name, told in AVRO_COLUMNS.items()}
    for codec in AVRO_CODECS:
        found[f"clean, {codec}"] = _avro_column(
            "name", ["null", "string"], ["a", None, "é"], ["a", None, "é"], codec
        )
        for number in range(8):
            found[f"damaged, {codec}, {number}"] = _avro_damaged(codec)
    body, _ = avro("string", ["a"], codec="deflate")
    broken = {
        "an unknown codec": body.replace(b"deflate", b"deflatX"),
        "no schema": body.replace(b"avro.schema", b"avro.schemX"),
        "a schema that is not valid JSON": body.replace(b'"record"', b"'record'"),
        "nothing but the magic": b"Obj\x01",
        "a wrong sync mark": body[:-1] + bytes([body[-1] ^ 1]),
    }
    found |= {name: _foreign("avro", damaged_body) for name, damaged_body in broken.items()}
    return found | {name: _foreign("avro", foreign) for name, foreign in FOREIGN.items()}


def _avro_column(
    column: str, schema: Any, values: Sequence[Any], expected: Sequence[Any], codec: str = "null"
) -> Maker:
    def make(rng: Random) -> OddFile:
        times = rng.randint(1, 5)
        body, rows = avro(schema, list(values) * times, column, codec)
        lines = [
            Line(row["n"], {"n": Cell("", row["n"], row["n"]), column: Cell("", value, row[column])})
            for row, value in zip(rows, list(expected) * times, strict=True)
        ]
        refused = all(value is MISFIT for value in expected)
        return OddFile("avro", "type of a column", body, tuple(lines), fate="either" if refused else "rows")

    return make


def _avro_damaged(codec: str) -> Maker:
    def make(rng: Random) -> OddFile:
        body = bytearray(avro(["null", "string"], ["a", None, "some text"] * 8, codec=codec)[0])
        if rng.random() < 0.3:
            del body[rng.randrange(1, len(body)) :]
            return OddFile("avro", "cut short", bytes(body), fate="either", is_lax=True)
        for _ in range(rng.choice([1, 1, 3])):
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        return OddFile("avro", "flipped bits", bytes(body), fate="either", is_lax=True)

    return make


def binary_kinds() -> dict[str, Maker]:
    """Objects whose bytes are their only value."""

    def of(body: bytes) -> Maker:
        line = Line(1, {"n": Cell("", len(body), len(body)), "content": Cell("", body, body)})
        return lambda _: OddFile("binary", "bytes", body, (line,) if body else (), streams=False)

    bodies = {
        **FOREIGN,
        "nothing": b"",
        "one byte": b"\xff",
        "a gzip": b"\x1f\x8b\x08broken",
        "all bytes": bytes(range(256)) * 50,
    }
    return {name: of(body) for name, body in bodies.items()}
