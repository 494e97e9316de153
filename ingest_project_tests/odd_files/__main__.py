"""`python -m ingest_project_tests.odd_files --seed N --per-format 300` reads odd and damaged files.

The exit code is 1 if anything crashed, a good row was lost, a value came in wrong, or a null without a word.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest_project_tests.odd_files.run import FORMATS, Tally, run, run_large

SHOWN_FAULTS = 40


def main() -> int:
    """Reads the files and prints the table."""
    arguments = argparse.ArgumentParser(prog="odd_files")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--per-format", type=int, default=300)
    arguments.add_argument("--format", choices=FORMATS, action="append")
    arguments.add_argument("--keep", type=Path, help="a folder for the files that went wrong")
    chosen = arguments.parse_args()
    tally, started = Tally(), time.monotonic()
    for file_format in chosen.format or FORMATS:
        run(file_format, chosen.seed, chosen.per_format, tally=tally)
        sys.stderr.write(f"{file_format}: {time.monotonic() - started:.0f} s\n")
    if not chosen.format:
        run_large(chosen.seed, tally)
    _print(tally)
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
        for fault in tally.faults:
            (chosen.keep / f"{fault.file.format}-{fault.number}").write_bytes(fault.file.body)
    return bool(tally.faults)


def _print(tally: Tally) -> None:
    console = Console(width=150)
    table = Table("format", "kind of oddness", "files", "outcomes (each file is read in several ways)")
    for format_and_kind, count in sorted(tally.files.items()):
        outcomes = ", ".join(
            f"{outcome} {times}" for outcome, times in tally.outcomes[format_and_kind].most_common()
        )
        table.add_row(*format_and_kind, str(count), outcomes)
    console.print(table)
    total = sum((tally.outcomes[one] for one in tally.files), Counter[str]())
    console.print(
        f"{tally.files.total()} files, {total.total()} readings: {dict(total.most_common())}", markup=False
    )
    console.print(f"{len(tally.faults)} faults", markup=False)
    for fault in tally.faults[:SHOWN_FAULTS]:
        console.print(
            f"{fault.file.format} {fault.kind!r} #{fault.number} {fault.way}: {fault.reason!r}", markup=False
        )


if __name__ == "__main__":
    sys.exit(main())
