"""Reads a file without the project, to compare with: the rows that other libraries find in it."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import fastavro
import openpyxl
import pyarrow as pa
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.corpora.arrow_values import python_values
from ingest_project_tests.corpora.files import CorpusFile, unpacked
from ingest_project_tests.corpora.same import Field, Number


@dataclass(frozen=True, slots=True)
class Rows:
    """What a referee finds in a file: its rows in order, each with its number in the file, as bad rows are
    numbered.

    A row that is not valid, so must not come in, is None.
    """

    referee: str
    rows: Sequence[tuple[int, Mapping[str, Any] | None]] = field(repr=False)


class NotComparable(Exception):
    """The referee cannot say what the rows are, though the file may be valid."""


def rows_by_referees(file: CorpusFile) -> tuple[list[Rows], list[str]]:
    """The rows by each referee that can read the file, and why the others cannot."""
    found, refusals = [], []
    for name, read in REFEREES[file.format].items():
        try:
            body = unpacked(file.body(), file.path.suffix)
            found.append(Rows(name, list(read(body, file))))
        except NotComparable:
            continue
        except BaseException as error:  # a referee may even panic
            refusals.append(f"{name}: {type(error).__name__}: {error}"[:300])
    return found, refusals


def _numbered(columns: Mapping[str, Sequence[Any]], height: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in range(height):
        yield row + 1, {name: values[row] for name, values in columns.items()}


def _of_table(table: pa.Table) -> Iterator[tuple[int, dict[str, Any]]]:
    names = [name or f"column_{place}" for place, name in enumerate(table.schema.names, 1)]
    if len(set(names)) < len(names):
        raise NotComparable
    columns = {
        name: [value for chunk in column.chunks for value in python_values(chunk)]
        for name, column in zip(names, table.columns, strict=True)
    }
    yield from _numbered(columns, table.num_rows)


def _parquet(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    yield from _of_table(pq.ParquetFile(pa.BufferReader(body)).read())


def _duckdb_parquet(_body: bytes, file: CorpusFile) -> Iterator[tuple[int, Any]]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        path = str(file.path).replace("'", "''")
        found = connection.sql(f"select * from read_parquet('{path}', hive_partitioning=false)")  # noqa: S608 - a path of ours
        yield from _of_table(found.to_arrow_table())


def _orc(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    yield from _of_table(orc.ORCFile(pa.BufferReader(body)).read())


def _ipc(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    source = pa.BufferReader(body)
    opened = ipc.open_file(source) if body.startswith(b"ARROW1") else ipc.open_stream(source)
    yield from _of_table(opened.read_all())


SYNC: Final = {"type": "fixed", "name": "sync", "size": 16}
HEADER: Final = {
    "type": "record",
    "name": "header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
        {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        {"name": "sync", "type": SYNC},
    ],
}
BLOCK: Final = {
    "type": "record",
    "name": "block",
    "fields": [
        {"name": "count", "type": "long"},
        {"name": "data", "type": "bytes"},
        {"name": "sync", "type": SYNC},
    ],
}


def _avro(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    for number, row in enumerate(fastavro.reader(io.BytesIO(_without_codec(body))), 1):
        if not isinstance(row, dict):
            raise NotComparable
        yield number, row


def _without_codec(body: bytes) -> bytes:
    """An Avro file with deflated blocks instead of those that need a package which may be missing."""
    codec, schema, blocks = _opened(body)
    if codec not in {"snappy", "zstandard"}:
        return body
    made = io.BytesIO()
    fastavro.schemaless_writer(
        made, HEADER, {"magic": b"Obj\x01", "meta": {"avro.schema": schema}, "sync": b"s" * 16}
    )
    for count, data in blocks:
        plain = _expanded(data, codec)
        fastavro.schemaless_writer(made, BLOCK, {"count": count, "data": plain, "sync": b"s" * 16})
    return made.getvalue()


def _opened(body: bytes) -> tuple[str, bytes, Iterator[tuple[int, bytes]]]:
    """The codec, the schema and the blocks of an Avro file, each with its number of rows."""
    source = io.BytesIO(body)
    header: Any = fastavro.schemaless_reader(source, HEADER, None)
    meta = header["meta"]

    def blocks() -> Iterator[tuple[int, bytes]]:
        while source.tell() < len(body):
            block: Any = fastavro.schemaless_reader(source, BLOCK, None)
            yield block["count"], block["data"]

    return meta.get("avro.codec", b"null").decode(), meta["avro.schema"], blocks()


def _expanded(data: bytes, codec: str) -> bytes:
    if codec == "zstandard":
        return bytes(pa.input_stream(io.BytesIO(data), compression="zstd").read())
    size = shift = 0
    for byte in data:  # snappy begins with the size of the content
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return bytes(pa.Codec("snappy").decompress(data[:-4], decompressed_size=size, asbytes=True))


def _csv(body: bytes, file: CorpusFile) -> Iterator[tuple[int, Any]]:
    text = body.decode("utf-8-sig")
    if re.search(r"\r(?!\n)", text):
        raise NotComparable  # for this module a row ends here
    delimiter = file.options().csv.delimiter
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line, named = 1, 0
    csv.field_size_limit(2**30)
    for fields in reader:
        first_line, line = line, reader.line_num + 1
        if not fields:
            continue
        if header is None:
            header = [name or f"column_{place}" for place, name in enumerate(fields, 1)]
            named = max((place for place, name in enumerate(fields, 1) if name), default=0)
            if len(set(header)) < len(header):
                raise NotComparable
            continue
        missing = len(header) - len(fields)
        is_whole = missing == 0 or (missing > 0 and len(fields) >= named)  # fields without a name may lack
        texts = map(Field, [*fields, *[""] * missing])
        yield first_line, dict(zip(header, texts, strict=True)) if is_whole else None


def _json(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    documents = _values(body.decode("utf-8-sig"))
    rows = (row for one in documents for row in (one if isinstance(one, list) else [one]))
    yield from enumerate(map(_checked, rows), 1)


def _ndjson(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(body.split(b"\n"), 1):
        try:
            rows = [*_values(line.decode("utf-8-sig"))]
        except (ValueError, RecursionError):
            rows = [None]
        yield from ((number, _checked(row)) for row in rows)


def _values(text: str) -> Iterator[Any]:
    """The documents in a text, one after the other."""
    place = len(text) - len(text.lstrip(BETWEEN))
    while place < len(text):
        value, place = DECODER.raw_decode(text, place)
        yield value
        place += len(text[place:]) - len(text[place:].lstrip(BETWEEN))


def _checked(row: Any) -> dict[str, Any] | None:
    """The row; None if it is not an object, or has half of a surrogate pair."""
    try:
        json.dumps(row, default=str, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None
    return row if isinstance(row, dict) else None


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


BETWEEN: Final = " \t\r\n\ufeff\x1e"
"""What may stand between documents."""
DECODER: Final = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refused)


def _excel(body: bytes, _file: CorpusFile) -> Iterator[tuple[int, Any]]:
    book = openpyxl.load_workbook(io.BytesIO(body), data_only=True)
    rows = [
        [cell or None if isinstance(cell, str) else cell for cell in row]
        for row in book.worksheets[0].iter_rows(values_only=True)
    ]
    header = [name for name in rows[0] if isinstance(name, str) and name] if rows else []
    if not rows or len(set(header)) < len(rows[0]):
        raise NotComparable
    for number, row in enumerate(rows[1:], 2):
        if any(value is not None for value in row):
            yield number, dict(zip(header, row, strict=True))


REFEREES: Final[Mapping[TableFormat, Mapping[str, Callable[..., Iterator[tuple[int, Any]]]]]] = {
    "parquet": {"pyarrow": _parquet, "DuckDB": _duckdb_parquet},
    "orc": {"pyarrow": _orc},
    "ipc": {"pyarrow": _ipc},
    "avro": {"fastavro": _avro},
    "csv": {"csv": _csv},
    "json": {"json": _json},
    "ndjson": {"json": _ndjson},
    "excel": {"openpyxl": _excel},
}
