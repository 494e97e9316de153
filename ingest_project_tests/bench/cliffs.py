"""Files on which reading once took many times as long as on plain ones.

They differ by small changes of the content or the settings, which no user would expect to matter.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import fastavro
import polars as pl

from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.formats import TableFormat

COLUMNS = {
    "order_id": "long",
    "customer": "string",
    "note": "string",
    "amount": "decimal(12,2)",
    "items": "int",
    "ordered_at": "timestamptz",
}


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
    rows = frame.select("order_id", "customer", "items").head(frame.height // 5).to_dicts()
    fields = [
        {"name": "order_id", "type": "long"}, {"name": "customer", "type": "string"},
        {"name": "items", "type": "int"},
    ]  # fmt: skip
    flat = {name: COLUMNS[name] for name in ("order_id", "customer", "items")}
    map_type = {"type": "map", "values": "long"}
    fixed = {"type": "fixed", "name": "f", "size": 8, "logicalType": "decimal", "precision": 12, "scale": 2}
    yield Cliff("avro, a fifth of the rows", "avro", _written(fields, rows), target_of(flat))
    yield Cliff(
        "avro, a fifth of the rows, map", "avro",
        _written([*fields, {"name": "m", "type": map_type}], [row | {"m": {"a": 1, "b": 2}} for row in rows]),
        target_of(flat | {"m": "map<string, long>"}),
    )  # fmt: skip
    amounts = frame["amount"].to_list()
    yield Cliff(
        "avro, a fifth of the rows, fixed decimal", "avro",
        _written([*fields, {"name": "d", "type": fixed}],
                 [row | {"d": amount} for row, amount in zip(rows, amounts, strict=False)]),
        target_of(flat | {"d": "decimal(12,2)"}),
    )  # fmt: skip


def _parquet(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def _written(fields: list[dict[str, Any]], rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, {"type": "record", "name": "r", "fields": fields}, rows)
    return sink.getvalue()
