"""`python -m ingest_project_tests.odd_files.fuzz --seconds 600` mutates and reads files until one fails.

For any bytes the following must hold: the readers raise nothing, no error is unexpected, no row is both read
and set aside, what can be read under `bad_rows: fail` is read equally under `quarantine`, and nothing takes
long. Files are read in a separate process, so that a library that ends its process is found, with the bytes.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import OddFile
from ingest_project_tests.odd_files.judge import Outcome, Way, read_in, ways
from ingest_project_tests.odd_files.mutations import mutated
from ingest_project_tests.odd_files.run import FORMATS, all_kinds

SLOW_SECONDS = 30.0
"""Longer than any reading of a small file may take, on a busy machine too."""
SEED_FILES = 60
LARGEST_BYTES = 300_000


def main() -> int:
    """Fuzzes and prints what was found."""
    arguments = argparse.ArgumentParser(prog="fuzz")
    arguments.add_argument("--seconds", type=int, default=600)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--format", choices=FORMATS, action="append")
    arguments.add_argument(
        "--keep", type=Path, default=Path(".fuzz"), help="a folder for the files that went wrong"
    )
    chosen = arguments.parse_args()
    counts, findings = fuzz(chosen.format or list(FORMATS), chosen.seed, chosen.seconds, chosen.keep)
    for file_format in FORMATS:
        of_format = {outcome: count for (name, outcome), count in counts.items() if name == file_format}
        if of_format:
            sys.stdout.write(f"{file_format}: {sum(of_format.values())} readings: {of_format}\n")
    sys.stdout.write(f"{counts.total()} readings, {len(findings)} findings\n")
    for finding in findings[:50]:
        sys.stdout.write(f"{finding!r}\n")
    return bool(findings)


def fuzz(
    formats: list[TableFormat], seed: int, seconds: float, keep: Path
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Readings by format and outcome, and what went wrong, whose files are put into the folder `keep`."""
    counts: Counter[tuple[str, str]] = Counter()
    findings: list[str] = []
    end, part = time.monotonic() + seconds, 0
    with TemporaryDirectory() as folder:
        while (left := end - time.monotonic()) > 0:
            part += 1
            work = Work(formats, seed * 10_000 + part, left, Path(folder) / "last", keep)
            _in_process(work, counts, findings)
    return counts, findings


@dataclass(frozen=True, slots=True)
class Work:
    """What one process does. Before it reads a file, it writes the file to `last`."""

    formats: list[TableFormat]
    seed: int
    seconds: float
    last: Path
    keep: Path


def _in_process(work: Work, counts: Counter[tuple[str, str]], findings: list[str]) -> None:
    """Fuzzes in a process of its own, up to the time's end or that of the process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, there))
    process.start()
    there.close()
    try:
        while True:
            found = here.recv()
            if isinstance(found, str):
                findings.append(found)
            else:
                counts.update(found)
    except EOFError:
        process.join()
    if process.exitcode:
        findings.append(f"the process ended with {process.exitcode}: {_kept(work, f'crash-{work.seed}')}")


def _kept(work: Work, name: str) -> Path:
    """The last file, where it stays."""
    work.keep.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(work.last, work.keep / name))


def _work(work: Work, answers: Connection) -> None:
    # Panics of Rust libraries are written there, thousands of them.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    rng, end = Random(work.seed), time.monotonic() + work.seconds  # noqa: S311 - no secret
    corpus = {file_format: _corpus(file_format, rng) for file_format in work.formats}
    while time.monotonic() < end:
        counts: Counter[tuple[str, str]] = Counter()
        for number in range(20):
            file = mutated(rng.choice(corpus[rng.choice(work.formats)]), corpus, rng)
            work.last.write_bytes(f"{file.format} {file.options!r}\n".encode() + file.body)
            for fault in _faults(file, rng, counts):
                path = _kept(work, f"{file.format}-{work.seed}-{number}-{time.time_ns()}")
                answers.send(f"{file.format}: {fault}: {path}")
        answers.send(counts)
    answers.close()


def _corpus(file_format: TableFormat, rng: Random) -> list[OddFile]:
    makers = list(all_kinds(file_format).values())
    files = [maker(rng) for maker in rng.sample(makers, min(SEED_FILES, len(makers)))]
    return [file for file in files if len(file.body) < LARGEST_BYTES]


def _faults(file: OddFile, rng: Random, counts: Counter[tuple[str, str]]) -> list[str]:
    """What is wrong with the readings of this file in some of the ways, with both policies each."""
    found: list[str] = []
    chosen = [way for way in ways(file, rng.choice([48, 300, 2000])) if way.quarantines]
    for way in rng.sample(chosen, min(2, len(chosen))):
        outcomes = [_read(file, way, found)]
        outcomes.append(_read(file, Way(False, way.evolution, way.declared, way.piece_bytes), found))
        counts.update((file.format, str(outcome)) for outcome in outcomes if outcome is not None)
        tolerant, strict = outcomes
        if tolerant is not None and strict is not None and strict.error_class is None:
            same = repr(tolerant.rows) == repr(strict.rows) and not tolerant.rejected
            found += [] if same else [f"{way} reads other rows under `fail`"]
    return found


def _read(file: OddFile, way: Way, found: list[str]) -> Outcome | None:
    started = time.monotonic()
    try:
        outcome = read_in(file, way)
    except BaseException as error:  # a panic is no Exception
        found.append(f"{way} raised {type(error).__name__}: {str(error)[:200]}")
        return None
    if outcome.error_class == "unknown":
        found.append(f"{way} failed in a way that nobody foresaw: {outcome.reason}")
    if time.monotonic() - started > SLOW_SECONDS:
        found.append(f"{way} took {time.monotonic() - started:.0f} s")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
