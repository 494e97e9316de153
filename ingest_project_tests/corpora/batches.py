"""Reads all files of a format in one batch, and judges what this did to those that come in alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest_project.errors import ObjectError
from ingest_project.reading.portions import Together, portions
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.sources.object_version import ObjectVersion
from ingest_project_tests.corpora.files import CorpusFile
from ingest_project_tests.corpora.verdict import (
    Outcome,
    fetched_file,
    read_alone,
    reading_of,
    rows_of,
)
from ingest_project_tests.reading.factories import Fetched

QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """How many files came in together, which did not though they come in alone, and what is wrong."""

    came_in: int
    apart: tuple[tuple[CorpusFile, str], ...]
    faults: tuple[tuple[CorpusFile, str], ...]


def judged_together(files: Sequence[CorpusFile]) -> BatchVerdict:
    """The verdict on a batch of files of one format, with the same options."""
    outcomes = _read_together(files)
    apart: list[tuple[CorpusFile, str]] = []
    faults: list[tuple[CorpusFile, str]] = []
    for file, together in outcomes:
        alone = read_alone(file)
        if alone.error_class is None and together.error_class is not None:
            apart.append((file, together.reason))
        faults += ((file, one) for one in _faults_of(file, alone, together))
    came_in = sum(one.error_class is None for _, one in outcomes)
    return BatchVerdict(came_in, tuple(apart), tuple(faults))


def _faults_of(file: CorpusFile, alone: Outcome, together: Outcome) -> Iterator[str]:
    if together.error_class == "unknown":
        yield f"unknown: {together.reason}"
    elif (
        alone.error_class is not None and together.error_class is not None and alone.reason != together.reason
    ):
        yield f"its reason is {together.reason!r}, but alone it is {alone.reason!r}"
    elif together.error_class is not None and alone.error_class is None:
        own = {name for row in alone.rows[:1000] for name in row}
        named = {re.split(r"[.\[{]", name)[0] for name in QUOTED.findall(together.reason)}
        if own and not own & named:  # without a good row the columns are not known here
            yield f"its reason names none of its columns: {together.reason}"


def _read_together(files: Sequence[CorpusFile]) -> list[tuple[CorpusFile, Outcome]]:
    """What came of each file that is not too large to be read with others."""
    fetched = {one.object: (one, file) for file, one in _fetched(files)}
    reading = reading_of(files[0])
    found: list[tuple[CorpusFile, Outcome]] = []
    for portion in portions(
        [*fetched], Fetched([one for one, _ in fetched.values()]), format=reading.format,
        options=reading.options, max_object_bytes=2**40,
    ):  # fmt: skip
        if not isinstance(portion, Together):
            continue
        try:
            result = read_contents(portion.contents, reading)
        except ObjectError as error:
            objects = [one.object for one in portion.contents]
            found += (
                (fetched[item][1], Outcome(error_class="unknown", reason=error.reason)) for item in objects
            )
            continue
        errors = {one.object: one.error for one in (*portion.failures, *result.failures)}
        found += (
            (fetched[item][1], Outcome(error_class=error.error_class, reason=error.reason))
            for item, error in errors.items()
        )
        contents = [one for one in portion.contents if one.object not in errors]
        found += ((fetched[one.object][1], _outcome_of(one.object, result)) for one in contents)
    return found


def _fetched(files: Sequence[CorpusFile]) -> Iterator[tuple[CorpusFile, Any]]:
    for number, file in enumerate(files):
        yield file, fetched_file(file, str(number))


def _outcome_of(item: ObjectVersion, result: ReadResult) -> Outcome:
    """The rows of one object of a batch, without columns that it does not have."""
    own = pl.col("_source_uri") == item.uri
    rows: list[dict[str, Any]] = []
    if result.frame is not None:
        frame = result.frame.filter(own)
        used = [one.name for one in frame.get_columns() if one.null_count() < frame.height]
        rows = rows_of(frame.select(used)) if frame.height else []
    if result.rejected is None:
        return Outcome(tuple(rows))
    rejected = result.rejected.filter(own).select("line_number", "column_name", "reason")
    return Outcome(tuple(rows), tuple(rejected.rows()))
