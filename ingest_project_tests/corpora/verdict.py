"""Reads a file of a corpus as the project does, and judges what came of it by what the referees find."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from ingest_project.errors import ObjectError
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import PieceLimits, PortionLimits
from ingest_project.reading.parse import Reading
from ingest_project.reading.portions import Streamed, portions
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.reading.values.types import storable, type_of
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project.sources.s3.fetched import FetchedObject
from ingest_project_tests.corpora.files import CorpusFile
from ingest_project_tests.corpora.referees import Rows, rows_by_referees
from ingest_project_tests.corpora.same import is_hollow, same
from ingest_project_tests.reading.factories import WRITTEN_AT, Fetched, object_version

PIECES: Final = 6
"""About how many pieces a file is cut into."""
COMPARED_BYTES: Final = 64 * 2**20
"""Files that hold more are read, but not compared cell by cell."""
RULES: Final = re.compile(
    "|".join(
        (
            "is not a JSON object|instead of an object",
            "does not fit in precision of|does not represent a whole number of days",
            "which is not supported",
            "a type that a table cannot have",
            "two (fields|of its columns|of its fields) .*have the (same )?name",
            "differs from .* only in case",
            "looks like a field of another column",
            "has no name|a column has the name",
            "its header names (no|only one of its|only one of)",
            "its header is not valid CSV|its header has a control character|its header reads",
            "has a control character in its name",
            "the ingest itself writes",
            "could not verify page integrity",
            "it has INT96 times",
            "half of a surrogate pair",
        )
    )
)
"""Reasons for which documents say that a file is refused, though another reader may read it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of reading a file: rows in order, bad rows by their number, or an error."""

    rows: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    rejected: tuple[tuple[int, str | None, str], ...] = ()
    error_class: str | None = None
    reason: str = ""
    is_large: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a file fared. `fate` is "in", "set aside", "refused" or "unknown"; `faults` says what is wrong.

    `is_doubtful` if it was refused although a referee reads it, for a reason that is not a rule's.
    """

    fate: str
    reason: str = ""
    faults: tuple[str, ...] = ()
    disputes: tuple[str, ...] = ()
    is_doubtful: bool = False


def judged(file: CorpusFile) -> Verdict:
    """The verdict on a file that is read alone, as a whole and in pieces."""
    outcome = read_alone(file)
    if outcome.is_large:
        return Verdict("in", "it is too large to be compared")
    found, refusals = rows_by_referees(file)
    faults, disputes = compared(outcome, found)
    if FORMATS[file.format].cutter is not None:
        faults += _faults_of_pieces(outcome, read_alone(file, in_pieces=True))
    reason = outcome.reason or "; ".join(dict.fromkeys(one[2] for one in outcome.rejected[:3]))
    if outcome.error_class == "unknown":
        return Verdict("unknown", reason, tuple(faults), tuple(disputes))
    if outcome.error_class is not None:
        is_doubtful = bool(found) and not RULES.search(reason) and any(_has_good_row(one) for one in found)
        why = f"{outcome.error_class}: {reason}"
        return Verdict("refused", why, tuple(faults), tuple(disputes), is_doubtful=is_doubtful)
    if not found and refusals and outcome.rows and not outcome.rejected:
        disputes += [f"came in, though no referee reads it: {refusals[0]}"]
    fate = "set aside" if outcome.rejected else "in"
    return Verdict(fate, reason, tuple(faults), tuple(disputes))


def _has_good_row(rows: Rows) -> bool:
    return any(row for _, row in rows.rows)


def _decoded_bytes(file: CorpusFile) -> int:
    """About how much memory the file's rows take; its size if it is damaged."""
    body = file.body()
    try:
        return FORMATS[file.format].decoded_bytes(body)
    except Exception:  # whatever it is, the reader says so, too
        return len(body)


def fetched_file(file: CorpusFile, key: str) -> FetchedObject:
    body = file.body()
    suffix = "".join(file.path.suffixes)
    return FetchedObject(object_version(f"{key}{suffix}", version_id="v"), body, len(body), WRITTEN_AT)


def reading_of(file: CorpusFile) -> Reading:
    """How a new table without declared columns reads such a file."""
    return Reading(file.format, Target(None), file.options(), quarantines=True)


def read_alone(file: CorpusFile, *, in_pieces: bool = False) -> Outcome:
    """What the project makes of the file."""
    one = fetched_file(file, "k")
    reading = reading_of(file)
    piece_bytes = max(100, _decoded_bytes(file) // PIECES)
    pieces = PortionLimits(content_bytes=1, piece=PieceLimits(piece_bytes, 2**25))
    limits = pieces if in_pieces else PortionLimits()
    results: list[ReadResult] = []
    is_large = _decoded_bytes(file) > COMPARED_BYTES
    try:
        for portion in portions(
            [one.object], Fetched([one]), format=file.format, options=reading.options,
            max_object_bytes=2**40, limits=limits,
        ):  # fmt: skip
            if not isinstance(portion, Streamed):
                for failure in portion.failures:
                    raise failure.error
                results.append(_read(portion.contents, reading))
                continue
            for piece in portion.pieces:
                result = _read([piece], reading)
                reading = with_columns_of(result.frame, reading)
                results += [] if is_large else [result]
    except ObjectError as error:
        return Outcome(error_class=error.error_class, reason=error.reason)
    return replace(_outcome(results), is_large=is_large)


def _read(contents: Sequence[Content], reading: Reading) -> ReadResult:
    result = read_contents(contents, reading)
    for failure in result.failures:
        raise failure.error
    return result


def with_columns_of(frame: pl.DataFrame | None, reading: Reading) -> Reading:
    """A table has the columns of its first rows, and new ones from those that follow."""
    if frame is None or frame.is_empty():
        return reading
    found = {
        name: type_of(storable(dtype))
        for name, dtype in frame.schema.items()
        if name not in PROVENANCE_COLUMNS
    }
    types = {name: str(one) for name, one in found.items() if one is not None}
    return replace(reading, target=replace(reading.target, types={**(reading.target.types or {}), **types}))


def _outcome(results: Sequence[ReadResult]) -> Outcome:
    rows: list[dict[str, Any]] = []
    rejected: list[tuple[int, str | None, str]] = []
    for result in results:
        rows += rows_of(result.frame)
        if result.rejected is not None:
            rejected += result.rejected.select("line_number", "column_name", "reason").rows()
    return Outcome(tuple(rows), tuple(rejected))


def rows_of(frame: pl.DataFrame | None) -> list[dict[str, Any]]:
    """The rows without their sources."""
    if frame is None:
        return []
    own = frame.drop(PROVENANCE_COLUMNS, strict=False)
    if not own.width:
        return [{}] * frame.height
    columns = {one.name: one.to_list() for one in own.get_columns()}
    return [{name: values[row] for name, values in columns.items()} for row in range(frame.height)]


def compared(outcome: Outcome, referees: Sequence[Rows]) -> tuple[list[str], list[str]]:
    """What is wrong by all referees, and what is wrong by some of them."""
    if outcome.error_class is not None or not referees:
        return [], []
    by_referee = {one.referee: [*differences(outcome, one)] for one in referees}
    told = [f"{name}: {one}" for name, some in by_referee.items() for one in some]
    return (told, []) if all(by_referee.values()) else ([], told)


def differences(outcome: Outcome, referee: Rows) -> Iterator[str]:
    """How the rows differ from those of a referee; the first difference of each column."""
    rejected = {number for number, _, _ in outcome.rejected}
    wanted = [(number, row) for number, row in referee.rows if number not in rejected]
    if missing := rejected - {number for number, _ in referee.rows}:
        yield f"rows {sorted(missing)[:3]} were set aside and do not exist"
    if made_up := [number for number, row in wanted if row is None]:
        yield f"rows {made_up[:3]} are not valid, and came in"
        return
    if len(wanted) != len(outcome.rows):
        yield f"{len(outcome.rows)} rows came in, not {len(wanted)}"
        return
    told: set[str] = set()
    for (number, row), got in zip(wanted, outcome.rows, strict=True):
        for name, value in _cells(row or {}, got):
            if name not in told and not _came_in(name, value, got):
                told.add(name)
                yield f"row {number}, {name!r}: {value!r:.120} became {got.get(name)!r:.120}"


def _cells(row: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from row.items()
    yield from ((name, None) for name in got if name not in row)


def _came_in(name: str, value: Any, got: Mapping[str, Any]) -> bool:
    if name not in got:
        return is_hollow(value)
    return same(value, got[name])


def _faults_of_pieces(whole: Outcome, pieces: Outcome) -> list[str]:
    """How reading in pieces differs: later pieces may not fit the types that the first ones gave."""
    if pieces.error_class == "unknown":
        return [f"in pieces: unknown: {pieces.reason}"]
    if whole.error_class is not None or pieces.error_class is not None:
        return []
    total, of_pieces = len(whole.rows) + len(whole.rejected), len(pieces.rows) + len(pieces.rejected)
    return [] if total == of_pieces else [f"in pieces: {of_pieces} rows, not {total}"]
