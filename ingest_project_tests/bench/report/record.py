"""What `make bench` measured, as it is kept in JSON; the page and its plots are made from nothing else."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingest_project_tests.bench.growth.referee import Point
from ingest_project_tests.bench.path.promises import Promises
from ingest_project_tests.bench.path.workload import Workload
from ingest_project_tests.bench.rounds import Result

LIBRARIES = ("polars", "pyarrow", "duckdb", "pyiceberg", "obstore", "msgspec", "fastavro", "ministack")
COMPARED = ("write", "drain")
"""The parts whose contestants are compared case by case."""


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


@dataclass(frozen=True, slots=True)
class Comparison:
    """What contestants took with so many rows (`write`) or messages (`drain`)."""

    part: str
    made: dict[str, Any]
    amount: int
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Growth:
    """What the steps took with more and more history."""

    made: dict[str, Any]
    points: list[Point] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Latency:
    """The seconds from each put to its row, with puts so many seconds apart."""

    made: dict[str, Any]
    every_seconds: float
    seconds: list[float]


Record = Reading | WholePath | Comparison | Growth | Latency


def made_with(seed: int, rounds: int) -> dict[str, Any]:
    """How it was measured: what one needs to measure it again."""
    return {
        "seed": seed,
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def write(record: Record, folder: Path) -> None:
    """Write it into the folder."""
    (folder / _name(record)).write_text(json.dumps(asdict(record), indent=1) + "\n")


def read_reading(folder: Path) -> Reading | None:
    """The reading of the last run; None if there is none."""
    found = _read(folder / "reading.json")
    return None if found is None else Reading(
        found["made"], found["rows"],
        [ReadingCase(**one) for one in found["cases"]], _results(found["results"]),
    )  # fmt: skip


def read_path(folder: Path) -> WholePath | None:
    """The whole path of the last run; None if there is none."""
    found = _read(folder / "path.json")
    return None if found is None else WholePath(
        found["made"], [Workload(**one) for one in found["workloads"]], found["sizes_bytes"],
        _results(found["results"]), [Promises(**one) for one in found["promises"]],
    )  # fmt: skip


def read_comparisons(folder: Path) -> list[Comparison]:
    """The writing and the draining of the last run, as far as there are any."""
    found = [_read(folder / f"{part}.json") for part in COMPARED]
    return [Comparison(**{**one, "results": _results(one["results"])}) for one in found if one is not None]


def read_growth(folder: Path) -> Growth | None:
    """What grew in the last run; None if there is none."""
    found = _read(folder / "growth.json")
    return None if found is None else Growth(found["made"], [Point(**one) for one in found["points"]])


def read_latency(folder: Path) -> Latency | None:
    """The latency of the last run; None if there is none."""
    found = _read(folder / "latency.json")
    return None if found is None else Latency(**found)


def _name(record: Record) -> str:
    if isinstance(record, Comparison):
        return f"{record.part}.json"
    names = {Reading: "reading", WholePath: "path", Growth: "growth", Latency: "latency"}
    return f"{names[type(record)]}.json"


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _results(found: Iterable[dict[str, Any]]) -> list[Result]:
    return [Result(**one) for one in found]
