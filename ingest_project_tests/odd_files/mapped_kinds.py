"""NDJSON whose columns are renamed, formatted, filled, required, computed and expected."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from ingest_project.reading.target import ColumnMapping, ComputedColumn, MappedColumn, Target
from ingest_project_tests.odd_files.case import Cell, Line, Maker, OddFile

TYPES = {
    "n": "long",
    "city": "string",
    "at": "timestamptz",
    "amount": "decimal(12,2)",
    "status": "string",
    "double": "decimal(14,2)",
}
MAPPING = ColumnMapping(
    mapped=(
        MappedColumn("n", "long", "N o"),
        MappedColumn("city", "string", "place.city"),
        MappedColumn(
            "at", "timestamptz", "at", formats=("%d.%m.%Y %H:%M", "epoch_s"), timezone="Europe/Berlin"
        ),
        MappedColumn("amount", "decimal(12,2)", "amount"),
        MappedColumn("status", "string", "status", default="new"),
    ),
    computed=(ComputedColumn("double", "decimal(14,2)", "amount * 2"),),
    required=frozenset({"amount"}),
    expectations={"positive": "amount > 0"},
)
ROWS: list[tuple[dict[str, Any], dict[str, Any] | None]] = [
    (
        {"place": {"city": "Köln"}, "at": "20.11.2026 10:11", "amount": 1.5, "status": "old"},
        {"city": "Köln", "at": datetime(2026, 11, 20, 9, 11, tzinfo=UTC), "amount": Decimal("1.50"),
            "status": "old", "double": Decimal("3.00")},
    ),
    (
        {"place": {}, "at": 0, "amount": 2},
        {"city": None, "at": datetime(1970, 1, 1, tzinfo=UTC), "amount": Decimal("2.00"), "status": "new",
            "double": Decimal("4.00")},
    ),
    (
        {"place": None, "at": None, "amount": "3", "status": None},
        {"city": None, "at": None, "amount": Decimal("3.00"), "status": "new", "double": Decimal("6.00")},
    ),
    ({"place": {"city": "a"}, "at": "31.02.2026 10:11", "amount": 1}, None),
    ({"place": {"city": "a"}, "at": "29.03.2026 02:30", "amount": 1}, None),
    ({"place": {"city": "a"}, "amount": None}, None),
    ({"place": {"city": "a"}}, None),
    ({"amount": -1}, None),
    ({"amount": 0}, None),
    ({"amount": "1,5"}, None),
]  # fmt: skip


def mapped(rng: Random) -> OddFile:
    lines, texts = [], []
    for n in range(1, rng.randint(4, 20)):
        fields, values = rng.choice(ROWS) if n > 1 else ROWS[0]
        texts.append(json.dumps({"N o": n, **fields}))
        cells = (
            None
            if values is None
            else {name: Cell("", value, value) for name, value in {"n": n, **values}.items()}
        )
        lines.append(Line(n, cells))
    target = Target(TYPES, "add_columns", ColumnMapping(
        MAPPING.mapped, MAPPING.computed, frozenset({"place"}), MAPPING.required, MAPPING.expectations
    ))  # fmt: skip
    return OddFile("ndjson", "mapped columns", "\n".join(texts).encode(), tuple(lines), target=target)


def mapped_kinds() -> dict[str, Maker]:
    """Several, so that one of them is in each run."""
    return {f"mapped {number}": mapped for number in range(4)}
