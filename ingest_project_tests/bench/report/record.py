"""What `make bench` measured, as it is kept in JSON; the page and its plots are made from nothing else."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingest_project_tests.bench.path.promises import Promises
from ingest_project_tests.bench.path.workload import Workload
from ingest_project_tests.bench.rounds import Result

LIBRARIES = ("polars", "pyarrow", "duckdb", "pyiceberg", "obstore", "msgspec", "fastavro", "ministack")
READING, PATH = "reading.json", "path.json"


@dataclass(frozen=True, slots=True)
class ReadingCase:
    """A case of the reading; `reference` is the case that it is compared with."""

    name: str
    format: str
    reference: str
    bad: str
    rivals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reading took: so many rows in each case (Avro: a fifth)."""

    made: dict[str, Any]
    rows: int
    cases: list[ReadingCase]
    results: list[Result]


@dataclass(frozen=True, slots=True)
class WholePath:
    """What the whole path took, and what the contestants promise."""

    made: dict[str, Any]
    workloads: list[Workload] = field(default_factory=list)
    sizes_bytes: list[int] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    promises: list[Promises] = field(default_factory=list)


def made_with(seed: int, rounds: int) -> dict[str, Any]:
    """How it was measured: what one needs to measure it again."""
    return {
        "seed": seed,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def write(record: Reading | WholePath, folder: Path) -> None:
    """Write it into the folder."""
    name = READING if isinstance(record, Reading) else PATH
    (folder / name).write_text(json.dumps(asdict(record), indent=1) + "\n")


def read_reading(folder: Path) -> Reading | None:
    """The reading of the last run; None if there is none."""
    found = _read(folder / READING)
    return None if found is None else Reading(
        found["made"], found["rows"],
        [ReadingCase(**one) for one in found["cases"]], _results(found["results"]),
    )  # fmt: skip


def read_path(folder: Path) -> WholePath | None:
    """The whole path of the last run; None if there is none."""
    found = _read(folder / PATH)
    return None if found is None else WholePath(
        found["made"], [Workload(**one) for one in found["workloads"]], found["sizes_bytes"],
        _results(found["results"]), [Promises(**one) for one in found["promises"]],
    )  # fmt: skip


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _results(found: Iterable[dict[str, Any]]) -> list[Result]:
    return [Result(**one) for one in found]
