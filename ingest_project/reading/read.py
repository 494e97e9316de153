"""Reads the contents of objects into the one frame that is written: the step between S3 and Iceberg.

Objects are parsed together, which is faster than one by one if they are small. If their reader tells which
lines are bad, that is all. Otherwise, only if it fails, the objects at fault are searched for. The others are
then parsed together again, and if the table quarantines bad rows, the good rows of the objects at fault are
read.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import starmap

import polars as pl

from ingest_project.errors import (
    ColumnRefused,
    ObjectError,
    ObjectFaultUnknown,
    ObjectUnreadable,
    SchemaMismatch,
)
from ingest_project.reading.bad_rows.good_rows import Tolerated, oversized_reason, read_tolerantly
from ingest_project.reading.bad_rows.objects_apart import each_alone, each_tolerated, found_apart
from ingest_project.reading.bad_rows.parse_together import (
    Part,
    in_one_table,
    provenance,
    read_together,
    suspects_among,
)
from ingest_project.reading.bad_rows.rejected import rejected_frame
from ingest_project.reading.columns.key_columns import key_faults
from ingest_project.reading.content import Content
from ingest_project.reading.field_names import with_spelling
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading
from ingest_project.reading.values.types import dtype_of
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.fetched import ObjectFailure


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The good rows of all objects that could be read, their bad rows, and the objects that failed.

    `rows` counts the good rows of each object, in the order of `frame`; `rejected_rows` counts the bad ones,
    which are in `rejected`. A frame without rows is None. An object without rows, such as an empty one, is in
    `rows` with 0; one that failed is in neither.
    """

    frame: pl.DataFrame | None = field(repr=False)
    rejected: pl.DataFrame | None = field(repr=False)
    rows: dict[ObjectVersion, int]
    rejected_rows: dict[ObjectVersion, int]
    failures: tuple[ObjectFailure, ...]


def read_contents(contents: Sequence[Content], reading: Reading) -> ReadResult:
    """The rows of these distinct objects, or of a piece of one, with the columns of their table.

    The frame has exactly the target's columns, in order, then new ones if they are allowed, then
    `_source_uri` and `_source_version`. Every value is exact: a row with a value that does not fit its column
    is a bad row. An object fails alone, also by an unexpected exception.

    Raises ValueError if the target's columns have a type that cannot be read, and ObjectFaultUnknown if each
    object can be read but all of them together cannot, for example because memory runs out.
    """
    for type_name in (reading.target.types or {}).values():
        dtype_of(type_name)
    reading = with_spelling(contents, reading)
    suspects = {one.object: error for one in contents if (error := _fault_of(one, reading)) is not None}
    suspects |= key_faults([one.object for one in contents if any(map(len, one.bodies))], reading.target)
    with _collector_paused():
        result = _read(contents, suspects, reading)
    return replace(result, failures=(*result.failures, *_forgotten(contents, result)))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pauses Python's search for cycles, which would go through the millions of lists and dictionaries that
    decoders make, again and again. They have no cycles, and end with their part of the rows.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read(
    contents: Sequence[Content], known: Mapping[ObjectVersion, ObjectError], reading: Reading
) -> ReadResult:
    """What can be read of these objects, of which some are known to be at fault."""
    suspects = dict(known)
    readable = [one for one in contents if one.object not in suspects]
    parts: list[Part] = []
    tolerated: list[Tolerated] = []
    try:
        try:
            if readable and FORMATS[reading.format].tells_bad_lines:
                readable, tolerated = [], [read_tolerantly(readable, reading)]
            parts = _read_readable(readable, reading)
        except ObjectError as error:
            suspects |= dict(suspects_among(readable, reading, error))
            readable = [one for one in readable if one.object not in suspects]
            parts = _read_readable(readable, reading)
        at_fault = [one for one in contents if one.object in suspects]
        found, failures = _tolerated(at_fault, suspects, reading)
        failures += [ObjectFailure(*one) for all_rows in tolerated for one in all_rows.failures.items()]
        tolerated = [*(one for one in tolerated if one.rows), *found]
        return _result(parts, tolerated, failures, partial(_sound, readable, tolerated), reading)
    except ObjectFaultUnknown:
        raise  # not the fault of one object: a smaller batch may succeed
    except ObjectError as error:
        alone = [*each_alone(readable, reading), *each_tolerated(tolerated, reading)]
        apart = found_apart(alone, reading)
        if not apart:
            raise ObjectFaultUnknown(f"{len(contents)} objects", error.reason) from error
    others = _read([one for one in contents if one.object not in apart], known, reading)
    return replace(others, failures=(*others.failures, *starmap(ObjectFailure, apart.items())))


def _read_readable(contents: Sequence[Content], reading: Reading) -> list[Part]:
    return [read_together(contents, reading)] if contents else []


def _fault_of(content: Content, reading: Reading) -> ObjectError | None:
    if not content.oversized:
        return None
    first = content.oversized[0]
    reason = oversized_reason(first, reading)
    return ObjectUnreadable(content.object.uri, f"record {first.line_number}: {reason}")


def _tolerated(
    contents: Sequence[Content], errors: Mapping[ObjectVersion, ObjectError], reading: Reading
) -> tuple[list[Tolerated], list[ObjectFailure]]:
    """What can be read of these objects, and the failures of those of which nothing can be read."""
    hopeless = (ColumnRefused, ObjectFaultUnknown) if _may_mend(reading) else ObjectError
    failed = {one.object: errors[one.object] for one in contents if isinstance(errors[one.object], hopeless)}
    found = list(_read_tolerantly([one for one in contents if one.object not in failed], reading))
    for one in found:
        tells = reading.quarantines or FORMATS[reading.format].tells_bad_lines
        failed |= one.failures if tells else {item: errors[item] for item in one.failures}
    failures = [ObjectFailure(one.object, failed[one.object]) for one in contents if one.object in failed]
    return [one for one in found if one.rows], failures


def _may_mend(reading: Reading) -> bool:
    """Whether a part of an object that is unreadable as a whole may be ingested."""
    return reading.quarantines or reading.target.rescues or FORMATS[reading.format].values == "text"


def _read_tolerantly(contents: Sequence[Content], reading: Reading) -> Iterator[Tolerated]:
    """What can be read of these: together if possible, else each half by itself."""
    if not contents:
        return
    try:
        if len(contents) > 1 and (not FORMATS[reading.format].is_lines or not reading.quarantines):
            raise ObjectUnreadable(f"{len(contents)} objects", "each is read by itself")
        yield read_tolerantly(contents, reading)
    except ObjectError as error:
        if len(contents) == 1:
            yield Tolerated(pl.DataFrame(), {}, (), failures={contents[0].object: error})
            return
        middle = len(contents) // 2
        yield from _read_tolerantly(contents[:middle], reading)
        yield from _read_tolerantly(contents[middle:], reading)


def _forgotten(contents: Sequence[Content], result: ReadResult) -> Iterator[ObjectFailure]:
    """A failure for each object that was neither read nor refused: its rows must not vanish silently."""
    told = {*result.rows, *(failure.object for failure in result.failures)}
    for object_ in dict.fromkeys(content.object for content in contents):
        if object_ not in told:
            yield ObjectFailure(object_, ObjectFaultUnknown(object_.uri, "it was neither read nor refused"))


def _sound(readable: Sequence[Content], tolerated: Sequence[Tolerated]) -> list[Content]:
    return [*readable, *(content for one in tolerated for content in one.sound())]


def _result(
    parts: Sequence[Part],
    tolerated: Sequence[Tolerated],
    failures: Sequence[ObjectFailure],
    sound: Callable[[], list[Content]],
    reading: Reading,
) -> ReadResult:
    """Everything in one frame.

    Raises ObjectError if the rows of some objects do not go together with the others.
    """
    all_parts = [*parts, *(Part(one.frame.hstack(provenance(one.rows)), one.rows) for one in tolerated)]
    frame = _one_frame(all_parts, sound, reading)
    rejected = [row for one in tolerated for row in one.rejected]
    return ReadResult(
        frame=frame,
        rejected=rejected_frame(rejected),
        rows={object_: count for part in all_parts for object_, count in part.rows.items()},
        rejected_rows=dict(Counter(row.object for row in rejected)),
        failures=tuple(failures),
    )


def _one_frame(
    parts: Sequence[Part], sound: Callable[[], list[Content]], reading: Reading
) -> pl.DataFrame | None:
    frames = [part.frame for part in parts]
    if len(frames) < 2:
        return next(iter(frames), None)
    if _agree(frames) or not FORMATS[reading.format].is_lines:
        return in_one_table(frames, reading, f"{len(frames)} parts")
    # The types were inferred from a part of the rows: a cast to another type now might change a value.
    together = read_together(sound(), reading)
    if together.frame.height != sum(frame.height for frame in frames):
        raise SchemaMismatch(f"{len(frames)} parts", "their rows differ when they are read together")
    return together.frame


def _agree(frames: Sequence[pl.DataFrame]) -> bool:
    """Whether no column has different types in these frames."""
    types: dict[str, pl.DataType] = {}
    return all(
        types.setdefault(name, dtype) == dtype for frame in frames for name, dtype in frame.schema.items()
    )
