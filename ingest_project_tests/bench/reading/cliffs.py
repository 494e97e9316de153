"""Files on which reading once took many times as long as on plain ones.

They differ by small changes of the content or the settings, which no user would expect to matter.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl

from ingest_project.reading.target import MappedColumn, Target
from ingest_project_tests.bench.orders import COLUMNS, iso_time, joined
from ingest_project_tests.bench.reading.avro_cliffs import PLAIN_AVRO, avro_cliffs
from ingest_project_tests.bench.reading.case import Bodies, Case, target_of

PLAIN = {"ndjson": "ndjson", "csv": "csv", "parquet": "parquet", "avro": PLAIN_AVRO}
"""The case of each format that its others are compared with."""
ORDERS = target_of()
RESCUE = target_of(rescues=True)
STRUCT = target_of(COLUMNS | {"s": "struct<a: long, b: string>"})


def cliffs() -> Iterator[Case]:
    """All of them."""
    yield _ndjson("rescue, an undeclared double", '"score":0.25', RESCUE)
    yield _ndjson("rescue, an undeclared integer", '"score":25', RESCUE)
    yield _ndjson("rescue, an undeclared object", '"extra":{"a":[1,"x"]}', RESCUE)
    yield _ndjson("an undeclared double", '"score":0.25', ORDERS)
    yield _ndjson("an undeclared object", '"extra":{"a":[1,2],"b":"x"}', ORDERS)
    yield _ndjson("drop of a column", '"score":0.25', target_of(ignored=frozenset({"score"})))
    yield _ndjson("map of floats", '"m":{"a":0.5,"b":1.5}', _with("m", "map<string, float>"))
    yield _ndjson("map of doubles", '"m":{"a":0.5,"b":1.5}', _with("m", "map<string, double>"))
    price = _with("s", "struct<price: decimal(12,2), n: long>")
    yield _ndjson("struct with a decimal", '"s":{"price":1.25,"n":3}', price)
    yield _ndjson(
        "struct with a decimal, 17 digits elsewhere", '"s":{"price":1.25,"n":12345678901234567}', price
    )
    text = _with("j", "string")
    yield _ndjson("objects in a string", '"j":{"a":1.50,"b":["x"]}', text)
    yield _ndjson("an object in a string, one in 1,000", '"j":{"a":1.50}', text, every=1000)
    yield _ndjson("numbers in a string", '"j":1.50', text)
    yield _ndjson("JSON text in a string", '"j":"{\\"a\\":1}"', text)
    yield _ndjson("struct with an undeclared field", '"s":{"a":1,"b":"x"}', _with("s", "struct<a: long>"))
    yield _ndjson("a column from a path", '"address":{"zip":"06300","n":1.5}', _from_path())
    yield _ndjson("numbers as strings", '"k":"17"', _with("k", "long"))
    yield from _of_csv()
    yield from _of_parquet()
    yield from avro_cliffs()


def _with(name: str, type_name: str) -> Target:
    return target_of(COLUMNS | {name: type_name})


def _from_path() -> Target:
    target = _with("zip", "string")
    path = MappedColumn("zip", "string", "address.zip")
    return replace(target, mapping=replace(target.mapping, mapped=(*target.mapping.mapped[:-1], path)))


def _ndjson(name: str, member: str, target: Target, *, every: int = 1) -> Case:
    def make(bodies: Bodies) -> bytes:
        lines = pl.DataFrame({"line": bodies.lines})
        more = pl.concat_str(pl.col("line").str.strip_suffix("}\n"), pl.lit(f",{member}}}\n"))
        changed = pl.when(pl.int_range(pl.len()) % every == 0).then(more).otherwise("line")
        return joined(lines.select(changed).to_series())

    return Case(f"ndjson, {name}", "ndjson", make, target, PLAIN["ndjson"])


def _of_csv() -> Iterator[Case]:
    def with_field(header: bytes, value: bytes) -> Callable[[Bodies], bytes]:
        def make(bodies: Bodies) -> bytes:
            first, *rows = bodies.csv
            return first.rstrip() + header + b"".join(row.rstrip(b"\n") + value for row in rows)

        return make

    quoted = target_of(COLUMNS | {"q": "string", "z": "string"})
    yield Case(
        "csv, a struct as JSON text", "csv", with_field(b",s\n", b',"{""a"":1,""b"":""x""}"\n'), STRUCT,
        PLAIN["csv"],
    )  # fmt: skip
    yield Case(
        "csv, quotes and an empty last column", "csv", with_field(b",q,z\n", b',"q",\n'), quoted, PLAIN["csv"]
    )


def _of_parquet() -> Iterator[Case]:
    def case(name: str, target: Target, *changes: pl.Expr) -> Case:
        def make(bodies: Bodies) -> bytes:
            sink = io.BytesIO()
            bodies.frame.with_columns(*changes).write_parquet(sink)
            return sink.getvalue()

        rivals = () if changes else ("Polars", "DuckDB")
        return Case(name, "parquet", make, target, PLAIN["parquet"], rivals)

    yield case(PLAIN["parquet"], ORDERS)
    yield case("parquet, times as text", ORDERS, iso_time("ordered_at"))
    yield case("parquet, rescue of a double", RESCUE, pl.lit(0.25).alias("score"))
    yield case("parquet, rescue of a text", RESCUE, pl.col("note").alias("more"))
    yield case("parquet, a struct as JSON text", STRUCT, pl.lit('{"a":1,"b":"x"}').alias("s"))
