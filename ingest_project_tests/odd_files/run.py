"""Makes files of all kinds from a seed, reads each in many ways, and counts what came of them."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import get_args

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import Maker, OddFile
from ingest_project_tests.odd_files.columnar_kinds import arrow_kinds, avro_kinds, binary_kinds
from ingest_project_tests.odd_files.container_kinds import container_kinds
from ingest_project_tests.odd_files.csv_kinds import csv_kinds, text_kinds
from ingest_project_tests.odd_files.excel_kinds import excel_kinds
from ingest_project_tests.odd_files.json_kinds import kinds as json_kinds
from ingest_project_tests.odd_files.json_kinds import long_line
from ingest_project_tests.odd_files.judge import Way, faults, read_in, ways
from ingest_project_tests.odd_files.mapped_kinds import mapped_kinds

FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)
PIECE_BYTES = (64, 300, 2000)

OWN_KINDS: Mapping[TableFormat, Callable[[], dict[str, Maker]]] = {
    "ndjson": lambda: json_kinds("ndjson") | mapped_kinds(),
    "json": lambda: json_kinds("json"),
    "csv": csv_kinds,
    "parquet": lambda: arrow_kinds("parquet"),
    "avro": avro_kinds,
    "ipc": lambda: arrow_kinds("ipc"),
    "orc": lambda: arrow_kinds("orc"),
    "excel": excel_kinds,
    "text": text_kinds,
    "binary": binary_kinds,
}
CLEAN: Mapping[TableFormat, str] = {
    "ndjson": "name: 7", "json": "under_path", "csv": "plain", "parquet": "clean, plain",
    "avro": "clean, null", "ipc": "clean, file", "orc": "clean, plain",
    "excel": "clean, openpyxl",
    "text": "plain",
}  # fmt: skip
LARGE: Mapping[str, Maker] = {"a line of 40 MB": long_line}


@dataclass(frozen=True, slots=True)
class Fault:
    """A file and a way in which it went wrong."""

    file: OddFile
    kind: str
    number: int
    way: Way
    reason: str


@dataclass(slots=True)
class Tally:
    """Files and outcomes by format and kind of oddness, and all faults."""

    files: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[Fault] = field(default_factory=list)


def all_kinds(file_format: TableFormat) -> dict[str, Maker]:
    """The makers of this format's files, by name."""
    own = OWN_KINDS[file_format]()
    if file_format not in CLEAN:
        return own
    return own | container_kinds(own[CLEAN[file_format]], file_format)


def made(file_format: TableFormat, seed: int, count: int) -> Iterator[tuple[str, int, OddFile, Random]]:
    """So many files, of every kind in turn, beginning with another for each seed."""
    kinds = list(all_kinds(file_format).items())
    Random(seed).shuffle(kinds)  # noqa: S311 - no secret
    for number in range(count):
        name, maker = kinds[number % len(kinds)]
        rng = Random(zlib.crc32(f"{seed} {file_format} {name} {number}".encode()))  # noqa: S311
        yield name, number, maker(rng), rng


def run(
    file_format: TableFormat,
    seed: int,
    count: int,
    *,
    ways_each: int | None = None,
    tally: Tally | None = None,
) -> Tally:
    """Reads so many files of this format, each in all ways, or in so many of them."""
    found = tally or Tally()
    for name, number, file, rng in made(file_format, seed, count):
        found.files[file.format, file.kind] += 1
        chosen = list(ways(file, rng.choice(PIECE_BYTES)))
        for way in chosen if ways_each is None else rng.sample(chosen, min(ways_each, len(chosen))):
            _try(file, name, number, way, found)
    return found


def run_large(seed: int, tally: Tally) -> None:
    """Reads the files that are too large to be read in all ways, in some of them."""
    rng = Random(seed)  # noqa: S311
    for name, maker in LARGE.items():
        file = maker(rng)
        tally.files[file.format, file.kind] += 1
        for way in rng.sample(list(ways(file, 2**20)), 4):
            _try(file, name, 0, way, tally)


def _try(file: OddFile, name: str, number: int, way: Way, tally: Tally) -> None:
    try:
        outcome = read_in(file, way)
    except Exception as error:  # whatever it is, the file is named beside it
        tally.outcomes[file.format, file.kind]["CRASHED"] += 1
        tally.faults.append(Fault(file, name, number, way, f"{type(error).__name__}: {error}"[:300]))
        return
    tally.outcomes[file.format, file.kind][str(outcome)] += 1
    tally.faults += (Fault(file, name, number, way, reason) for reason in faults(file, way, outcome))
