"""Reads a contestant's table with ClickHouse (chdb), which shares no code with any contestant."""

import json
import sqlite3
import subprocess
import sys
from contextlib import chdir, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest_project_tests.bench.path.asked import TABLE


@dataclass(frozen=True, slots=True)
class Content:
    """What a table holds, or should hold. `keys` counts different order ids: rows that came twice show."""

    rows: int
    keys: int
    amount: Decimal


def content_of(home: Path) -> Content:
    """What the contestant's table holds now."""
    rows, keys, amount = _asked(home, "count(), uniqExact(order_id), toString(sum(amount))")[0]
    return Content(int(rows), int(keys), Decimal(amount))


def amounts_of(home: Path) -> list[tuple[int, Decimal]]:
    """The order ids and amounts, sorted."""
    found = _asked(home, "order_id, toString(amount)", "ORDER BY order_id")
    return [(int(order_id), Decimal(amount)) for order_id, amount in found]


def rows_of(home: Path, table: str) -> int:
    """The rows of another table of the contestant's catalog; 0 if it does not exist."""
    found = _asked(home, "count()", table=table)
    return int(found[0][0]) if found else 0


def _asked(home: Path, select: str, behind: str = "", *, table: str = TABLE) -> list[list[Any]]:
    """The rows of the answer; none if the table does not exist."""
    if (metadata := _metadata(home, table)) is None:
        return []
    query = (
        f"SELECT {select} FROM icebergLocal('{metadata.parents[1]}', "  # noqa: S608 - our own words
        f"SETTINGS iceberg_metadata_file_path = 'metadata/{metadata.name}') {behind}"
    )
    command = [sys.executable, "-m", __name__, query]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]


def _metadata(home: Path, table: str) -> Path | None:
    """The table's metadata file, as the catalog names it."""
    with closing(sqlite3.connect(home / "catalog.db")) as catalog:
        found = catalog.execute(
            "SELECT metadata_location FROM iceberg_tables WHERE table_namespace || '.' || table_name = ?",
            (table,),
        ).fetchone()
    return None if found is None else Path(urlsplit(found[0]).path)


def main(query: str) -> None:
    """Print each row of the answer as JSON."""
    import chdb

    with chdir("/"):  # chdb opens nothing outside of its working folder
        answer = chdb.query(query, "JSONCompactEachRow")  # type: ignore[no-untyped-call]
    print(answer, end="")  # noqa: T201 - read by the process that asked


if __name__ == "__main__":
    main(*sys.argv[1:])
