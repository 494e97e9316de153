"""`make bench-reading`: what a small change of the content costs, and what others take for the same content.

Each case is one body in memory, read as a batch reads it. Polars and DuckDB read the same bytes with the same
types; they promise less, so they refuse or change values that the project keeps. All take turns, so that a
machine that slows down does so for all of them. Absolute numbers are this machine's at this moment.
"""

import argparse
import io
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import fastavro
import polars as pl
from rich.console import Console
from rich.table import Table

from ingest_project.reading.content import Content
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import Target
from ingest_project.reading.values.time_formats import parse_times
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.bench.cliffs import COLUMNS, PLAIN, Cliff, cliffs, target_of
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version

NESTED = COLUMNS | {
    "address": "struct<city: string, zip: string>",
    "tags": "list<string>",
    "rating": "double",
}
POLARS = {"order_id": pl.Int64(), "items": pl.Int32(), "rating": pl.Float64()} | {
    "address": pl.Struct({"city": pl.String(), "zip": pl.String()}),
    "tags": pl.List(pl.String()),
}
"""Types for columns that Polars reads directly; the others are text until they are cast."""
DUCKDB = {
    "order_id": "BIGINT",
    "amount": "DECIMAL(12,2)",
    "items": "INTEGER",
    "ordered_at": "TIMESTAMPTZ",
} | {
    "address": "STRUCT(city VARCHAR, zip VARCHAR)",
    "tags": "VARCHAR[]",
    "rating": "DOUBLE",
}
TIMES = {
    "Z": "%Y-%m-%dT%H:%M:%SZ",
    "six digits, Z": "%Y-%m-%dT%H:%M:%S%.6fZ",
    "an offset": "%Y-%m-%dT%H:%M:%S%:z",
}
START = datetime(2026, 1, 1, tzinfo=UTC)
Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Case:
    """One body and how it is read; its `reference` is the case that it is compared with."""

    name: str
    format: TableFormat
    body: bytes = field(repr=False)
    reference: str
    bad: int = 0
    columns: Mapping[str, str] = field(default_factory=lambda: COLUMNS, repr=False)
    target: Target | None = None

    def read(self) -> float:
        """The seconds that it takes."""
        reading = Reading(self.format, self.target or target_of(self.columns), quarantines=True)
        content = Content(object_version("0", version_id="v"), (self.body,), WRITTEN_AT)
        started = time.perf_counter()
        result = read_contents([content], reading)
        seconds = time.perf_counter() - started
        if result.failures or sum(result.rejected_rows.values()) != self.bad:
            raise RuntimeError(f"{self.name}: {result.failures} {result.rejected_rows}")
        return seconds


def by_polars(case: Case) -> float:
    """The seconds that Polars takes, with casts as one writes them by hand."""
    started = time.perf_counter()
    if case.format == "csv":
        frame = pl.read_csv(
            case.body, schema_overrides={name: POLARS.get(name, pl.String()) for name in COLUMNS}
        )
    else:
        frame = pl.read_ndjson(
            case.body, schema={name: POLARS.get(name, pl.String()) for name in case.columns}
        )
    frame.with_columns(
        pl.col("amount").cast(pl.Decimal(12, 2)),
        pl.col("ordered_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
    )
    return time.perf_counter() - started


def by_polars_of_avro(case: Case) -> float:
    """The seconds that Polars takes for a plain Avro file, whose columns need no cast."""
    return seconds_of(lambda: pl.read_avro(io.BytesIO(case.body)))


def by_fastavro(case: Case) -> float:
    """The seconds that fastavro takes, with a frame of its records as one makes it by hand."""
    return seconds_of(lambda: pl.DataFrame(list(fastavro.reader(io.BytesIO(case.body)))))


def by_duckdb(case: Case, path: Path) -> float:
    """The seconds that DuckDB takes to read the bytes of a file into an Arrow table."""
    path.write_bytes(case.body)
    types = {name: DUCKDB.get(name, "VARCHAR") for name in case.columns}
    started = time.perf_counter()
    read = duckdb.read_csv if case.format == "csv" else duckdb.read_json
    read(str(path), columns=types).to_arrow_table()
    return time.perf_counter() - started


def times(rows: int) -> dict[str, tuple[pl.Series, str]]:
    """Texts of so many times in each form, and the form as Polars reads it."""
    stamps = pl.int_range(rows, eager=True) * 37_000_001 + int(START.timestamp()) * 1_000_000
    zoned = stamps.cast(pl.Datetime("us", "UTC"))
    return {name: (zoned.dt.strftime(form), form) for name, form in TIMES.items()}


def seconds_of(work: Callable[[], object]) -> float:
    """The seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def cases(rows: int) -> list[Case]:
    """All cases, with so many rows each."""
    lines = _lines(rows)
    plain = b"".join(lines)
    frame = pl.read_ndjson(plain, schema=dict.fromkeys(COLUMNS, pl.String()))
    frame = frame.with_columns(pl.col("note").str.replace_all('[\n"]', " "))  # so that a line is a row
    csv = frame.write_csv().encode()
    quoted = frame.write_csv(quote_style="always").encode()
    header, *records = csv.splitlines(keepends=True)
    some = max(1, rows // 100)
    return [
        Case("ndjson", "ndjson", plain, "ndjson"),
        Case("ndjson, times with a blank", "ndjson", re.sub(rb"(\d)T(\d)", rb"\1 \2", plain), "ndjson"),
        *(
            Case(f"ndjson, {bad:,} bad: {name}", "ndjson", _changed(lines, change, bad), "ndjson", bad)
            for name, change in JSON_FAULTS.items()
            for bad in (1, some)
        ),
        Case("nested and nulls", "ndjson", _nested(lines), "nested and nulls", columns=NESTED),
        Case("csv", "csv", csv, "csv"),
        Case("csv, all quoted", "csv", quoted, "csv"),
        *(
            Case(f"csv, {bad:,} bad: {name}", "csv", header + _changed(records, change, bad), "csv", bad)
            for name, change in CSV_FAULTS.items()
            for bad in (1, some)
        ),
        *(_of_cliff(one) for one in cliffs(lines, csv)),
    ]  # fmt: skip


def _of_cliff(one: Cliff) -> Case:
    return Case(one.name, one.format, one.body, PLAIN[one.format], target=one.target)


JSON_FAULTS: Mapping[str, Change] = {
    "half a line": lambda line: line[:20] + b"\n",
    "a text for an int": lambda line: re.sub(rb'"items":\d+', b'"items":"many"', line),
    "no time": lambda line: re.sub(rb'"ordered_at":"[^"]*"', b'"ordered_at":"soon"', line),
}
CSV_FAULTS: Mapping[str, Change] = {
    "a field too many": lambda line: line.rstrip(b"\n") + b",1\n",
    "a text for an int": lambda line: b"x" + line,
}


def _lines(rows: int) -> list[bytes]:
    """Rows of six columns, as programs write them: escapes in a text, two digits behind the point."""
    seeded = random.Random(7)  # noqa: S311 - the same rows each time
    notes = ("plain text", 'with \\"quotes\\"', "caf\\u00e9", "two\\nlines")
    return [
        (
            f'{{"order_id":{row},"customer":"c{seeded.randrange(10**6):06}","note":"{seeded.choice(notes)}",'
            f'"amount":{seeded.randrange(1000)}.{seeded.randrange(100):02},"items":{seeded.randrange(9)},'
            f'"ordered_at":"{START + timedelta(seconds=row):%Y-%m-%dT%H:%M:%SZ}"}}\n'
        ).encode()
        for row in range(rows)
    ]


def _nested(lines: Sequence[bytes]) -> bytes:
    """The same rows with an object, an array and a fraction; one in ten has no note and no object."""
    more = b',"address":{"city":"Zug","zip":"06300"},"tags":["a","b"],"rating":4.5}\n'
    less = b',"address":null,"tags":[],"rating":null}\n'
    return b"".join(
        re.sub(rb'"note":"[^,]*"', b'"note":null', line)[:-2] + less if place % 10 == 0 else line[:-2] + more
        for place, line in enumerate(lines)
    )


def _changed(lines: Sequence[bytes], change: Change, count: int) -> bytes:
    """The lines, so many of them changed."""
    seeded = random.Random(count)  # noqa: S311
    places = set(seeded.sample(range(len(lines)), count))
    return b"".join(change(line) if place in places else line for place, line in enumerate(lines))


def main() -> int:
    """Read all cases in turn, and print the medians with their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the seconds of each round into this file")
    asked = parser.parse_args()
    all_cases = cases(asked.rows)
    plain = [one for one in all_cases if one.name in {"ndjson", "nested and nulls", "csv"}]
    avro = next(one for one in all_cases if one.name == PLAIN["avro"])
    texts = times(asked.rows)
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(asked.rounds):
            for one in all_cases:
                seconds[one.name].append(one.read())
            for one in plain:
                seconds[f"{one.name}: Polars"].append(by_polars(one))
                seconds[f"{one.name}: DuckDB"].append(by_duckdb(one, Path(folder, "file")))
            seconds[f"{avro.name}: Polars"].append(by_polars_of_avro(avro))
            seconds[f"{avro.name}: fastavro"].append(by_fastavro(avro))
            for name, (text, form) in texts.items():
                dtype = pl.Datetime("us", "UTC")
                seconds[f"times, {name}"].append(
                    seconds_of(partial(parse_times, text, dtype, ("iso",), None))
                )
                seconds[f"times, {name}: Polars"].append(
                    seconds_of(partial(text.str.to_datetime, form, time_unit="us", time_zone="UTC"))
                )
    if asked.json:
        asked.json.write_text(json.dumps({"rows": asked.rows, "seconds": seconds}, indent=1))
    references = {one.name: one.reference for one in all_cases}
    _render({name: references.get(name, name.partition(":")[0]) for name in seconds}, seconds, asked.rows)
    return 0


def _render(references: Mapping[str, str], seconds: Mapping[str, Sequence[float]], rows: int) -> None:
    table = Table("case", "least", "median", "most", "ratio", title=f"{rows:,} rows, seconds")
    for name, found in seconds.items():
        median = statistics.median(found)
        ratio = median / statistics.median(seconds[references[name]])
        table.add_row(name, f"{min(found):.3f}", f"{median:.3f}", f"{max(found):.3f}", f"{ratio:.2f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
