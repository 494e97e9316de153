"""Reads the contents of several objects together, and finds the objects that cannot be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import polars as pl

from ingest_project.errors import (
    ColumnRefused,
    ObjectError,
    ObjectFaultUnknown,
    ObjectUnreadable,
    SchemaMismatch,
)
from ingest_project.reading.columns.fit import Fitted, fit
from ingest_project.reading.columns.strangers import strangers
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.parse import Reading, parse
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.values.stacking import stacked
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.unforeseen import unforeseen_as_fault


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of some objects, in order, with the columns of their table and the source of each row."""

    frame: pl.DataFrame = field(repr=False)
    rows: Mapping[ObjectVersion, int]

    def without_sources(self) -> pl.DataFrame:
        """The rows without the source of each."""
        return self.frame.drop(PROVENANCE_COLUMNS[:2])


def suspects_among(
    contents: Sequence[Content], reading: Reading, error: ObjectError
) -> Iterator[tuple[ObjectVersion, ObjectError]]:
    """The objects that fail, of these that together failed with the error.

    Records are halved: a few bad ones among thousands of objects cost little more than one reading. If bad
    rows are set aside, neighbours of those that fail may be among them; their records are found to be good.
    Files that bring their own schema are parsed one by one anyway.
    """
    if len(contents) == 1 or _are_few(contents, reading, error):
        yield from ((one.object, error) for one in contents)
        return
    middle = len(contents) // 2
    is_lines = FORMATS[reading.format].is_lines
    for some in (contents[:middle], contents[middle:]) if is_lines else ([one] for one in contents):
        try:
            read_together(some, reading)
        except ObjectError as of_some:
            yield from suspects_among(some, reading, of_some)


def _are_few(contents: Sequence[Content], reading: Reading, error: ObjectError) -> bool:
    if not reading.quarantines or not FORMATS[reading.format].is_lines:
        return False
    size_bytes = sum(len(body) for one in contents for body in one.bodies if isinstance(body, bytes))
    is_small = size_bytes <= LIMITS.bad_rows.suspect_bytes
    return is_small and not isinstance(error, ColumnRefused | ObjectFaultUnknown)


def read_together(contents: Sequence[Content], reading: Reading) -> Part:
    """The rows of all contents, all of them good.

    Raises ObjectError if a content is unreadable or has a bad row.
    """
    uri = _uri(contents)
    with unforeseen_as_fault(uri):
        parsed, found, rows = read_all(contents, reading, uri)
        for one, fitted_one in zip(parsed, found, strict=True):
            _refuse_faults(contents, one, fitted_one, uri)
        fitted = [one.frame for one in found]
        frame = fitted[0] if len(fitted) == 1 else in_one_table(fitted, reading, uri)
        return Part(frame.hstack(provenance(rows)), rows)


def in_one_table(frames: Sequence[pl.DataFrame], reading: Reading, uri: str) -> pl.DataFrame:
    """All rows of these frames. Raises SchemaMismatch if no table has the columns of all."""
    for reason in strangers(
        [frame.schema for frame in frames], mixes_kinds=FORMATS[reading.format].infers
    ).values():
        raise SchemaMismatch(uri, f"column {reason}")
    return stacked(frames, uri)


def brings_columns(frame: pl.DataFrame, reading: Reading) -> bool:
    """Whether these rows may add a column to their table, or a field to one."""
    known = reading.target.types or {}
    if reading.target.evolution != "add_columns" and reading.target.types is not None:
        return False
    return any(name not in known or dtype.is_nested() for name, dtype in frame.schema.items())


def _uri(contents: Sequence[Content]) -> str:
    return contents[0].object.uri if len(contents) == 1 else f"{len(contents)} objects"


def _refuse_faults(contents: Sequence[Content], parsed: Parsed, fitted: Fitted, uri: str) -> None:
    """Raises SchemaMismatch for a row with a fault, ObjectUnreadable if a reader could not read it at all."""
    if (first := fitted.faults.first()) is None:
        return
    row, fault = first
    numbers = parsed.numbers if len(contents) == 1 else None
    place = f"row {row + 1}" if numbers is None else f"line {numbers[row]}"
    if not fault.is_unreadable:
        raise SchemaMismatch(uri, fault.at(place))
    raise ObjectUnreadable(
        uri, "at least one of the objects cannot be read" if len(contents) > 1 else fault.at(place)
    )


def read_all(
    contents: Sequence[Content], reading: Reading, uri: str
) -> tuple[list[Parsed], list[Fitted], dict[ObjectVersion, int]]:
    """All rows as they were parsed, as they fit the table, good and bad, and their number by object.

    Raises ObjectError.
    """
    bodies = [body for content in contents for body in content.bodies]
    times = [content.last_modified for content in contents for _ in content.bodies]
    lines = [content.first_line for content in contents for _ in content.bodies]
    faults = [content.faults for content in contents for _ in content.bodies]
    parsed = parse(bodies, reading, uri=uri, last_modified=times, first_lines=lines, faults=faults)
    is_text = FORMATS[reading.format].values == "text"
    keys = iter([content.object.key for content in contents for _ in content.bodies])
    runs = ([(next(keys), count) for count in one.rows] for one in parsed)
    found = [
        fit(
            one.frame, reading.target, uri=uri,
            nothing_is_null=is_text, keys=run, faults=one.faults, json_texts=one.json_texts,
        )
        for one, run in zip(parsed, runs, strict=True)
    ]  # fmt: skip
    return parsed, found, _rows_by_object(contents, [count for one in parsed for count in one.rows])


def _rows_by_object(contents: Sequence[Content], rows: Sequence[int]) -> dict[ObjectVersion, int]:
    """The rows of each object, whose contents follow one another."""
    if len(rows) != sum(len(content.bodies) for content in contents):
        raise ValueError("each body must have a count of rows")
    remaining = iter(rows)
    found = dict.fromkeys((content.object for content in contents), 0)
    for content in contents:
        found[content.object] += sum(islice(remaining, len(content.bodies)))
    return found


def provenance(rows: Mapping[ObjectVersion, int]) -> pl.DataFrame:
    """`_source_uri` and `_source_version` of every row.

    Its height makes `hstack` fail if the number of rows is wrong.
    """
    source_uri, source_version, *_ = PROVENANCE_COLUMNS
    objects = {object_: count for object_, count in rows.items() if count}
    sources = pl.DataFrame(
        {
            source_uri: [object_.uri for object_ in objects],
            source_version: [object_.version for object_ in objects],
        },
        schema={source_uri: pl.String(), source_version: pl.String()},
    )
    return sources[np.repeat(np.arange(len(objects)), [*objects.values()])]
