"""`python -m ingest_project_tests.corpora FOLDER...` reads folders of test files, and judges each file.

The table has a row for each folder and format. The exit code is 1 if a file crashed the process, failed as
`unknown`, or came in wrong, alone or together with the others.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest_project_tests.corpora.batches import judged_together
from ingest_project_tests.corpora.child import ChildDied, each_in_child
from ingest_project_tests.corpora.files import CorpusFile, files_of
from ingest_project_tests.corpora.verdict import Verdict, judged

COLUMNS = (
    "files", "in", "set aside", "refused", "doubtful", "unknown", "crash", "wrong",
    "in together", "apart", "wrong together",
)  # fmt: skip
BAD = ("unknown", "crash", "wrong", "wrong together")
BATCH_SECONDS = 600

Tally = dict[tuple[str, str], Counter[str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Judges all files of the folders, and prints the table and what it found."""
    parser = argparse.ArgumentParser(prog="corpora")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--reasons", action="store_true", help="why each file was refused or set aside")
    chosen = parser.parse_args(arguments)
    console = Console(width=160, markup=False, highlight=False, soft_wrap=True)
    tally: Tally = defaultdict(Counter)
    files = [file for folder in chosen.folders for file in files_of(folder)]
    for line in chain(judge_alone(files, tally, reasons=chosen.reasons), judge_together(files, tally)):
        console.print(line)
    console.print(_table(tally))
    return int(any(counts[bad] for counts in tally.values() for bad in BAD))


def judge_alone(files: Iterable[CorpusFile], tally: Tally, *, reasons: bool) -> Iterator[str]:
    """Counts how each file fares, and yields what is to be told of it."""
    for file, verdict in each_in_child(judged, files):
        counts = tally[file.corpus, file.kind]
        counts["files"] += 1
        if isinstance(verdict, ChildDied):
            counts["crash"] += 1
            yield f"CRASH {file}: {verdict}"
            continue
        counts[verdict.fate] += 1
        counts["doubtful"] += verdict.is_doubtful
        counts["wrong"] += bool(verdict.faults)
        yield from (f"WRONG {file}: {fault}" for fault in verdict.faults)
        yield from _told(file, verdict, reasons=reasons)


def _told(file: CorpusFile, verdict: Verdict, *, reasons: bool) -> Iterator[str]:
    yield from (f"disputed {file}: {dispute}" for dispute in verdict.disputes)
    if verdict.is_doubtful:
        yield f"doubtful {file}: {verdict.reason}"
    elif verdict.fate == "unknown" or (reasons and verdict.reason):
        yield f"{verdict.fate} {file}: {verdict.reason}"


def judge_together(files: Iterable[CorpusFile], tally: Tally) -> Iterator[str]:
    """Counts how the files of each format fare in one batch, and yields what is to be told of it."""
    for batch, verdict in each_in_child(judged_together, batches_of(files), seconds=BATCH_SECONDS):
        counts = tally[batch[0].corpus, batch[0].kind]
        if isinstance(verdict, ChildDied):
            counts["crash"] += 1
            yield f"CRASH {len(batch)} files like {batch[0]} together: {verdict}"
            continue
        counts["in together"] += verdict.came_in
        counts["apart"] += len(verdict.apart)
        counts["wrong together"] += len({file for file, _ in verdict.faults})
        yield from (f"apart {file}: {reason}" for file, reason in verdict.apart)
        yield from (f"WRONG TOGETHER {file}: {fault}" for file, fault in verdict.faults)


def batches_of(files: Iterable[CorpusFile]) -> Iterator[list[CorpusFile]]:
    """Files of one corpus, of one format, with the same options."""

    def alike(file: CorpusFile) -> tuple[str, str, str]:
        return file.corpus, file.kind, file.options().csv.delimiter

    for _, batch in groupby(sorted(files, key=alike), key=alike):
        yield list(batch)


def _table(tally: Tally) -> Table:
    table = Table("corpus", "format", *COLUMNS)
    for (corpus, file_format), counts in sorted(tally.items()):
        table.add_row(corpus, file_format, *(str(counts[one]) for one in COLUMNS))
    total = sum(tally.values(), Counter[str]())
    table.add_row("all", "", *(str(total[one]) for one in COLUMNS))
    return table


if __name__ == "__main__":
    sys.exit(main())
