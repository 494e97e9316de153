"""Values of every type that a column may have, and the files of every format that hold them."""

import io
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import pyarrow as pa
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    FixedOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
    parse_column_type,
)
from ingest_project_tests.reading.formats.excel.workbooks import by_hand, row

NINES, MINUS_NINES = Decimal("9" * 38), Decimal("-" + "9" * 38)
SMALL, MINUS_SMALL = Decimal("1e-38"), Decimal("-1e-38")
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
SOME_UUID = UUID("0123abcd-0123-4567-89ab-ffffffffffff")
VALUES: Mapping[str, list[Any]] = {
    "boolean": [True, False, None],
    "int": [-(2**31), 2**31 - 1, None],
    "long": [-(2**63), 2**63 - 1, None],
    "float": [1.5, -0.0, 3.4028234663852886e38, 1.401298464324817e-45, None],
    "double": [0.1, 1.7976931348623157e308, 5e-324, -0.0, None],
    "decimal(12,2)": [Decimal("-0.01"), Decimal("9999999999.99"), None],
    "decimal(38,0)": [NINES, MINUS_NINES, None],
    "decimal(38,38)": [SMALL, MINUS_SMALL, None],
    "date": [FIRST.date(), date(2024, 2, 29), LAST.date(), None],
    "time": [time.min, time.max, None],
    "timestamp": [FIRST, LAST, None],
    "timestamptz": [FIRST.replace(tzinfo=UTC), LAST.replace(tzinfo=UTC), None],
    "string": ["", '日本 \U0001f600 "quoted", \n', None],
    "uuid": [UUID(int=0), SOME_UUID, UUID(int=2**128 - 1), None],
    "fixed[3]": [b"\0\0\0", b"\xff\xfe\xfd", None],
    "binary": [b"", bytes(range(256)), None],
    "list<int>": [[1, None, 2], [], None],
    "list<decimal(38,18)>": [[Decimal("12345678901234567890.123456789012345678"), None], [], None],
    "list<uuid>": [[SOME_UUID, None], None],
    "struct<a: timestamptz, b: uuid, c_d: decimal(20,10), e: string>": [
        {
            "a": FIRST.replace(tzinfo=UTC),
            "b": SOME_UUID,
            "c_d": Decimal("1234567890.0123456789"),
            "e": "x",
        },
        {"a": None, "b": None, "c_d": None, "e": None},
        None,
    ],
    "map<string, long>": [{"a": 2**63 - 1, "b": None}, {}, None],
    "map<int, list<date>>": [{1: [date(2026, 1, 1)], 2: None}, None],
    "list<struct<m: map<string, decimal(5,2)>, f: fixed[2]>>": [
        [{"m": {"x": Decimal("-1.25")}, "f": b"ab"}, {"m": None, "f": None}, None],
        [],
        None,
    ],
    "struct<t: time, d: double, l: list<binary>>": [{"t": time.max, "d": 0.1, "l": [b"\xff", b""]}, None],
}
"""By type: values at its bounds, and a null."""


def arrow_type(wanted: ColumnType) -> pa.DataType:
    """The Arrow type that other writers use for it."""
    match wanted:
        case DecimalOf(precision, scale):
            return pa.decimal128(precision, scale)
        case FixedOf(size_bytes):
            return pa.binary(size_bytes)
        case ListOf(element):
            return pa.list_(arrow_type(element))
        case MapOf(key, value):
            return pa.map_(arrow_type(key), arrow_type(value))
        case StructOf(fields):
            return pa.struct([(name, arrow_type(field)) for name, field in fields])
        case Primitive(name):
            return ARROW[name]
    raise AssertionError(wanted)


ARROW: Mapping[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "uuid": pa.binary(16),
    "binary": pa.binary(),
}


def stored(value: Any) -> Any:
    """The value as a frame holds it: a UUID is its bytes; its times of a zone in Python's own UTC."""
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.replace(tzinfo=UTC)
    if isinstance(value, list):
        return [stored(one) for one in value]
    return {key: stored(one) for key, one in value.items()} if isinstance(value, dict) else value


def json_value(value: Any) -> str:
    """The value as JSON, a decimal as a number of all its digits."""
    if isinstance(value, list):
        return "[" + ", ".join(json_value(one) for one in value) + "]"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(str(key))}: {json_value(one)}" for key, one in value.items()) + "}"
        )
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(text_of(value) if isinstance(value, bytes | date | time | UUID) else value)


def text_of(value: Any) -> str:
    """The value as text: JSON if it is nested."""
    if isinstance(value, list | dict | Decimal | bool | float):
        return json_value(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def ndjson_file(_: str, values: list[Any]) -> bytes:
    return "".join(f'{{"n":{n},"c":{json_value(value)}}}\n' for n, value in enumerate(values)).encode()


def json_file(_: str, values: list[Any]) -> bytes:
    rows = (f'{{"n": {n}, "c": {json_value(value)}}}' for n, value in enumerate(values))
    return ("[" + ",\n".join(rows) + "]").encode()


def csv_file(_: str, values: list[Any]) -> bytes:
    fields = ("" if value is None else '"' + text_of(value).replace('"', '""') + '"' for value in values)
    return ("n,c\n" + "".join(f"{n},{field}\n" for n, field in enumerate(fields))).encode()


def arrow_table(type_name: str, values: list[Any]) -> pa.Table:
    wanted = parse_column_type(type_name)
    column = pa.array([_for_arrow(one, wanted) for one in values], arrow_type(wanted))
    return pa.table({"n": pa.array(range(len(values)), pa.int64()), "c": column})


def parquet_file(type_name: str, values: list[Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(arrow_table(type_name, values), sink)
    return sink.getvalue()


def orc_file(type_name: str, values: list[Any]) -> bytes:
    """A file of ORC, which has no times of a day, and whose times PyArrow counts in nanoseconds."""
    sink = io.BytesIO()
    orc.write_table(arrow_table(type_name, values), sink)
    return sink.getvalue()


def ipc_file(type_name: str, values: list[Any]) -> bytes:
    table, sink = arrow_table(type_name, values), io.BytesIO()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def avro_file(type_name: str, values: list[Any]) -> bytes:
    """A file of Avro, whose maps have keys of text only."""
    names = (f"t{number}" for number in range(100))
    fields = [
        {"name": "n", "type": "long"},
        {"name": "c", "type": _avro_schema(parse_column_type(type_name), names)},
    ]
    sink = io.BytesIO()
    rows = [{"n": n, "c": _for_avro(value)} for n, value in enumerate(values)]
    fastavro.writer(sink, {"type": "record", "name": "row", "fields": fields}, rows)
    return sink.getvalue()


def excel_file(_: str, values: list[Any]) -> bytes:
    """A workbook with cells of Excel's own types where it has one, else with texts, also for early times."""
    return by_hand(row("n", "c"), *(row(n, _for_excel(value)) for n, value in enumerate(values)))


def _for_excel(value: Any) -> Any:
    is_date = isinstance(value, date) and not isinstance(value, datetime) and value.year >= 1901
    is_own = value is None or is_date or isinstance(value, bool | int | float)
    return value if is_own else text_of(value)


FILES: Mapping[str, Callable[[str, list[Any]], bytes]] = {
    "ndjson": ndjson_file,
    "json": json_file,
    "csv": csv_file,
    "parquet": parquet_file,
    "ipc": ipc_file,
    "orc": orc_file,
    "excel": excel_file,
    "avro": avro_file,
}
LACKING: Mapping[str, tuple[str, ...]] = {"orc": ("time",)}
"""Types that a format lacks, wholly or in part of their range, and so in nested types too."""


def has(file_format: str, type_name: str) -> bool:
    """Whether files of this format hold all values of this type."""
    return not any(lacking in type_name for lacking in LACKING.get(file_format, ()))


def _for_arrow(value: Any, wanted: ColumnType) -> Any:
    """PyArrow takes a map as pairs."""
    if value is None:
        return None
    match wanted:
        case ListOf(element):
            return [_for_arrow(one, element) for one in value]
        case MapOf(_, inner):
            return [(key, _for_arrow(one, inner)) for key, one in value.items()]
        case StructOf(fields):
            return {name: _for_arrow(value[name], field) for name, field in fields}
    return stored(value)


AVRO: Mapping[str, Any] = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "date": {"type": "int", "logicalType": "date"},
    "time": {"type": "long", "logicalType": "time-micros"},
    "timestamp": {"type": "long", "logicalType": "local-timestamp-micros"},
    "timestamptz": {"type": "long", "logicalType": "timestamp-micros"},
    "string": "string",
    "uuid": {"type": "string", "logicalType": "uuid"},
    "binary": "bytes",
}


def _avro_schema(wanted: ColumnType, names: Any) -> Any:
    match wanted:
        case DecimalOf(precision, scale):
            plain: Any = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        case FixedOf(size_bytes):
            plain = {"type": "fixed", "name": next(names), "size": size_bytes}
        case ListOf(element):
            plain = {"type": "array", "items": _avro_schema(element, names)}
        case MapOf(_, value):
            plain = {"type": "map", "values": _avro_schema(value, names)}
        case StructOf(fields):
            plain = {
                "type": "record",
                "name": next(names),
                "fields": [{"name": name, "type": _avro_schema(field, names)} for name, field in fields],
            }
        case Primitive(name):
            plain = AVRO[name]
        case _:
            raise AssertionError(wanted)
    return ["null", plain]


def _for_avro(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _for_avro(one) for key, one in value.items()}
    return [_for_avro(one) for one in value] if isinstance(value, list) else value
