"""`make bench-reading`: what a small change of the content costs, as ratios to the same format's plain case.

Each case is one body in memory, read as a batch reads it. The cases take turns, so that a machine that slows
down does so for all of them. Absolute numbers are this machine's at this moment.
"""

import argparse
import json
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from ingest_project.reading.content import Content
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version

COLUMNS = {
    "order_id": "long",
    "customer": "string",
    "note": "string",
    "amount": "decimal(12,2)",
    "items": "int",
    "ordered_at": "timestamptz",
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

    def read(self) -> float:
        """The seconds that it takes."""
        mapping = ColumnMapping(tuple(MappedColumn(name, one, name) for name, one in COLUMNS.items()))
        reading = Reading(self.format, Target(COLUMNS, mapping=mapping), quarantines=True)
        content = Content(object_version("0", version_id="v"), (self.body,), WRITTEN_AT)
        started = time.perf_counter()
        result = read_contents([content], reading)
        seconds = time.perf_counter() - started
        if result.failures or sum(result.rejected_rows.values()) != self.bad:
            raise RuntimeError(f"{self.name}: {result.failures} {result.rejected_rows}")
        return seconds


def plain_polars(body: bytes) -> float:
    """The seconds that Polars takes with the same casts, without a promise about what it changes."""
    started = time.perf_counter()
    types = {"order_id": pl.Int64(), "items": pl.Int32()}
    frame = pl.read_ndjson(body, schema={name: types.get(name, pl.String()) for name in COLUMNS})
    frame.with_columns(
        pl.col("amount").cast(pl.Decimal(12, 2)),
        pl.col("ordered_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
    )
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
        Case("csv", "csv", csv, "csv"),
        Case("csv, all quoted", "csv", quoted, "csv"),
        *(
            Case(f"csv, {bad:,} bad: {name}", "csv", header + _changed(records, change, bad), "csv", bad)
            for name, change in CSV_FAULTS.items()
            for bad in (1, some)
        ),
    ]  # fmt: skip


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
    seconds: dict[str, list[float]] = {one.name: [] for one in all_cases}
    seconds["ndjson by Polars alone"] = []
    for _ in range(asked.rounds):
        for one in all_cases:
            seconds[one.name].append(one.read())
        seconds["ndjson by Polars alone"].append(plain_polars(all_cases[0].body))
    if asked.json:
        asked.json.write_text(json.dumps({"rows": asked.rows, "seconds": seconds}, indent=1))
    _render(all_cases, seconds, asked.rows)
    return 0


def _render(all_cases: Sequence[Case], seconds: Mapping[str, Sequence[float]], rows: int) -> None:
    table = Table("case", "least", "median", "most", "ratio", title=f"{rows:,} rows, seconds")
    references = {one.name: one.reference for one in all_cases}
    for name, found in seconds.items():
        median = statistics.median(found)
        ratio = median / statistics.median(seconds[references.get(name, "ndjson")])
        table.add_row(name, f"{min(found):.2f}", f"{median:.2f}", f"{max(found):.2f}", f"{ratio:.1f}")
    Console(width=110).print(table)


if __name__ == "__main__":
    sys.exit(main())
