"""A process that reads cases when it is asked: one contestant of the reading.

It is given the contestant's name and a folder with a file for each case. For each name of a case on its
standard input it writes a line of JSON: seconds and rows, or why it cannot. The others promise less than the
project: they change or refuse values that it keeps, and fail a file for one bad row.
"""

import io
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.json as pa_json

from ingest_project.iceberg.arrow_memory import use_system_memory
from ingest_project.reading.content import Content
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project_tests.bench.reading.case import Case
from ingest_project_tests.bench.reading.cases import cases
from ingest_project_tests.bench.reading.column_types import ARROW, DUCKDB, POLARS
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version

Reader = Callable[[Case, Path], Callable[[], int]]
"""Prepares a reading of a case from its file, and gives the function that is timed; that gives the rows."""


def project(case: Case, path: Path) -> Callable[[], int]:
    """The project, as a batch reads it: names, types, and bad rows set aside."""
    use_system_memory()  # as a run does when it opens the lake
    reading = Reading(case.format, case.target, quarantines=True)
    content = Content(object_version("0", version_id="v"), (path.read_bytes(),), WRITTEN_AT)

    def read() -> int:
        result = read_contents([content], reading)
        if result.failures:
            raise result.failures[0].error
        return 0 if result.frame is None else result.frame.height

    return read


def pyarrow(case: Case, path: Path) -> Callable[[], int]:
    """`pyarrow.json.read_json`, with the types of the columns."""
    body = path.read_bytes()
    schema = None if not case.columns else _arrow_schema(case)

    def read() -> int:
        options = pa_json.ParseOptions(explicit_schema=schema)
        return pa_json.read_json(io.BytesIO(body), parse_options=options).num_rows

    return read


def polars(case: Case, path: Path) -> Callable[[], int]:
    """Polars, with casts as one writes them by hand."""
    body = path.read_bytes()
    types = {name: POLARS.get(one, pl.String()) for name, one in case.columns.items()}
    readers: dict[str, Callable[[], pl.DataFrame]] = {
        "ndjson": lambda: pl.read_ndjson(body, schema=types or None, infer_schema_length=None),
        "csv": lambda: pl.read_csv(body, schema_overrides=types),
        "parquet": lambda: pl.read_parquet(io.BytesIO(body)),
        "avro": lambda: pl.read_avro(io.BytesIO(body)),
    }
    casts = [] if case.format in {"parquet", "avro"} else [*_casts(case)]
    return lambda: readers[case.format]().with_columns(casts).height


def by_duckdb(case: Case, path: Path) -> Callable[[], int]:
    """DuckDB, from the file into an Arrow table."""
    types = {name: DUCKDB[one] for name, one in case.columns.items()}
    declared = {"columns": types} if types else {}

    def read() -> int:
        if case.format == "parquet":
            found = duckdb.read_parquet(str(path))
        elif case.format == "csv":
            found = duckdb.read_csv(str(path), **declared)
        else:
            found = duckdb.read_json(str(path), format="newline_delimited", **declared)  # type: ignore[arg-type]
        rows: int = found.to_arrow_table().num_rows
        return rows

    return read


def by_fastavro(case: Case, path: Path) -> Callable[[], int]:
    """fastavro, and a frame of its records."""
    body = path.read_bytes()
    return lambda: pl.DataFrame([*fastavro.reader(io.BytesIO(body))]).height


READERS: dict[str, Reader] = {
    "project": project, "pyarrow": pyarrow, "Polars": polars, "DuckDB": by_duckdb, "fastavro": by_fastavro,
}  # fmt: skip


def main(contestant: str, folder: str) -> None:
    """Read what is asked for, until the input ends."""
    for answer in answers(READERS[contestant], Path(folder), sys.stdin):
        print(json.dumps(answer), flush=True)  # noqa: T201 - the referee reads it


def answers(reader: Reader, folder: Path, asked: Iterable[str]) -> Iterable[dict[str, float | str]]:
    """What reading each of these cases takes. The first is read twice, once before the clock counts."""
    known = {case.name: case for case in cases()}
    is_first = True
    for line in asked:
        case = known[line.strip()]
        try:
            read = reader(case, folder / case.name)
            if is_first:
                read()
            started, cpu_started = time.perf_counter(), time.process_time()
            rows = read()
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
            yield {"seconds": seconds, "cpu_seconds": cpu_seconds, "rows": rows}
        except Exception as error:
            yield {"refused": f"{type(error).__name__}: {error}"[:200]}
        is_first = False


def _arrow_schema(case: Case) -> pa.Schema:
    return pa.schema({name: ARROW[one] for name, one in case.columns.items()})


def _casts(case: Case) -> Iterable[pl.Expr]:
    for name, one in case.columns.items():
        if one == "decimal(18,2)":
            yield pl.col(name).cast(pl.Decimal(18, 2))
        elif one == "timestamptz":
            yield pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")


if __name__ == "__main__":
    main(*sys.argv[1:])
