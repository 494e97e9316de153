"""`case_insensitive: true` in every format and policy, beside a model in plain Python of what it promises."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from ingest_project.reading.read import ReadResult
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.case_files import Row, body_of, reading_of, rows_of
from ingest_project_tests.reading.factories import fetched, read_objects

COLUMNS = {"id": "long", "Amount": "decimal(30,2)", "größe": "string"}
DECLARED = "columns: {id: long, Amount: 'decimal(30,2)', größe: string}"
SPELLINGS = {
    "id": ["id", "ID", "Id"],
    "Amount": ["Amount", "amount", "AMOUNT"],
    "größe": ["größe", "GRÖSSE", "Grösse"],
    "extra": ["Extra", "extra", "EXTRA"],
}
"""By the declared name, or by an undeclared one; `ß` folds to `ss`."""


@dataclass
class Model:
    """What docs/columns.md says is read: rows under the spellings that count, and the bad ones by object."""

    policy: str
    file_format: TableFormat
    counts: dict[str, str] = field(default_factory=lambda: {name.casefold(): name for name in COLUMNS})
    good: list[Row] = field(default_factory=list)
    bad: dict[str, list[int]] = field(default_factory=dict)

    def see(self, names: Sequence[str]) -> None:
        if self.policy != "rescue":
            for name in names:
                self.counts.setdefault(name.casefold(), name)

    def take(self, uri: str, number: int, row: Row) -> None:
        taken: Row = {}
        for written, value in row.items():
            name = self.counts.get(written.casefold(), written)
            if value is None:
                continue
            if name in taken:
                self.bad.setdefault(uri, []).append(number)
                return
            taken[name] = value
        self.good.append(taken)

    def expected(self) -> list[Row]:
        return [self._columns(row) for row in self.good]

    def _columns(self, row: Row) -> Row:
        known: Row = {name: row.get(name) for name in COLUMNS}
        known["Amount"] = None if known["Amount"] is None else Decimal(known["Amount"])
        others = {name: value for name, value in row.items() if name not in COLUMNS}
        if self.policy == "rescue":
            kept = {
                name: str(value) if self.file_format == "csv" else value for name, value in others.items()
            }
            return known | {"_rescued_data": kept or None}
        is_typed = self.file_format in {"parquet", "avro", "ipc"}  # then a column of nulls is one, too
        if (extra := self.counts.get("extra")) and (is_typed or any(extra in one for one in self.good)):
            return known | {extra: others.get(extra)}
        return known


def some_names(random_: random.Random, *, with_extra: bool) -> list[str]:
    """The columns of a file: of each field one spelling or, now and then, two."""
    names: list[str] = []
    for name, spellings in SPELLINGS.items():
        if name != "extra" or (with_extra and random_.random() < 0.6):
            names += random_.sample(spellings, 2 if random_.random() < 0.25 else 1)
    random_.shuffle(names)
    return names


def some_row(random_: random.Random, names: Sequence[str]) -> Row:
    row: Row = {}
    for name in names:
        is_twin = any(other.casefold() == name.casefold() for other in row)
        value = {
            "id": random_.randrange(2**62),
            "extra": random_.randrange(100),
            "amount": f"{random_.randrange(10**20)}.{random_.randrange(100):02}",
        }.get(name.casefold(), random_.choice(['a "ID": 1', "b", '{"id": 1}']))
        row[name] = None if random_.random() < (0.75 if is_twin else 0.15) else value
    if not any(row.values()):
        row[names[0]] = None
    return row


def told(result: ReadResult) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in [] if result.rejected is None else result.rejected.to_dicts():
        assert "which are one column (case_insensitive: true)" in row["reason"]
        found.setdefault(row["_source_uri"], []).append(row["line_number"])
    return found


@pytest.mark.parametrize("policy", ["add_columns", "rescue", "fail"])
@pytest.mark.parametrize("file_format", ["ndjson", "json", "csv", "parquet", "avro", "ipc"])
@pytest.mark.parametrize("seed", range(6))
def test_rows_are_those_of_the_model(file_format: TableFormat, policy: str, seed: int) -> None:
    random_ = random.Random(f"{file_format} {policy} {seed}")  # noqa: S311 - to be repeated
    model = Model(policy, file_format)
    bodies: list[bytes] = []
    files: list[tuple[list[str], list[Row]]] = []
    per_row = file_format in {"ndjson", "json"}
    for _ in range(random_.randrange(1, 5)):
        names = some_names(random_, with_extra=policy != "fail")
        rows = []
        for _ in range(random_.randrange(1, 8)):
            names = some_names(random_, with_extra=policy != "fail") if per_row else names
            rows.append(some_row(random_, names))
        files.append((names, rows))
        bodies.append(body_of(file_format, names, rows))
    for names, rows in files:
        for seen in rows if per_row else [names]:
            model.see(list(seen))
    for place, (_, rows) in enumerate(files):
        start = 2 if file_format == "csv" else 1
        for number, row in enumerate(rows, start=start):
            model.take(f"s3://landing/{place}", number, row)

    result = read_objects(
        fetched(*bodies),
        reading_of(file_format, f"{DECLARED}, schema_evolution: {policy}", COLUMNS),
    )

    assert result.failures == ()
    assert told(result) == model.bad
    found = rows_of(result)
    if policy == "rescue":
        found = [{**row, "_rescued_data": json.loads(row["_rescued_data"] or "null")} for row in found]
    assert in_any_order(found) == in_any_order(model.expected())


def in_any_order(rows: Sequence[Row]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
