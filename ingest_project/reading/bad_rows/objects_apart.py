"""Finds the objects that can be read by themselves, but not together with the others of their batch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest_project.errors import ObjectError, ObjectFaultUnknown, SchemaMismatch
from ingest_project.reading.bad_rows.good_rows import Tolerated
from ingest_project.reading.bad_rows.parse_together import in_one_table, read_together
from ingest_project.reading.columns.strangers import strangers
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class Alone:
    """The good rows of one object, as they are if it is read by itself.

    `contents` have these rows alone; a file that brings its own schema and has bad rows has none.
    """

    object: ObjectVersion
    frame: pl.DataFrame = field(repr=False)
    contents: tuple[Content, ...] = ()


def each_alone(contents: Iterable[Content], reading: Reading) -> Iterator[Alone]:
    """The rows of each object that is readable as a whole. Raises ObjectError."""
    for one in contents:
        yield Alone(one.object, read_together([one], reading).without_sources(), (one,))


def each_tolerated(tolerated: Iterable[Tolerated], reading: Reading) -> Iterator[Alone]:
    """The good rows of each object that has bad ones. Raises ObjectError."""
    for one in tolerated:
        if not FORMATS[reading.format].is_lines:
            yield from (Alone(item, one.frame) for item in one.rows)
            continue
        sound = one.sound()
        for item in one.rows:
            if own := tuple(content for content in sound if content.object == item):
                yield Alone(item, read_together(own, reading).without_sources(), own)


def found_apart(objects: Sequence[Alone], reading: Reading) -> dict[ObjectVersion, ObjectError]:
    """The objects without which the others can be read together; none if all of them can.

    Raises ObjectFaultUnknown if it is not the fault of one object: a smaller batch may succeed.
    """
    schemas = [one.frame.schema for one in objects]
    if reasons := strangers(schemas, mixes_kinds=FORMATS[reading.format].infers):
        return {
            objects[place].object: _apart(objects[place], f"column {reason}")
            for place, reason in reasons.items()
        }
    failed: dict[ObjectVersion, ObjectError] = {}
    _going_together([], objects, reading, failed)
    return failed


def _going_together(
    kept: list[Alone], others: Sequence[Alone], reading: Reading, failed: dict[ObjectVersion, ObjectError]
) -> list[Alone]:
    """`kept` and as many of the others as go together with them, found by halving; the rest gets into
    `failed`.
    """
    try:
        _put_together([*kept, *others], reading)
    except ObjectFaultUnknown:
        raise
    except ObjectError as error:
        if len(others) == 1:
            failed[others[0].object] = _apart(others[0], error.reason)
            return kept
        middle = len(others) // 2
        kept = _going_together(kept, others[:middle], reading, failed)
        return _going_together(kept, others[middle:], reading, failed)
    return [*kept, *others]


def _put_together(objects: Sequence[Alone], reading: Reading) -> None:
    if FORMATS[reading.format].is_lines:
        read_together([content for one in objects for content in one.contents], reading)
    else:
        in_one_table([one.frame for one in objects], reading, f"{len(objects)} objects")


def _apart(one: Alone, reason: str) -> ObjectError:
    return SchemaMismatch(
        one.object.uri, f"it cannot be read together with the others of its batch: {reason}"
    )
