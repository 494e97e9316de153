"""Reads the contents of objects together, and finds those that cannot be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

from ingest_project.errors import ColumnRefused, ObjectError, ObjectFaultUnknown, SchemaMismatch
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.columns.fit import fit
from ingest_project.objects.content import Content
from ingest_project.objects.parse import LINE_FORMATS, Reading, parse
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.objects.values.stacking import stacked
from ingest_project.objects.values.types import is_empty
from ingest_project.settings.model import PROVENANCE_COLUMNS

OTHER_JSON = r"^(?:[\[{]|-?[0-9]|true$|false$)"
"""Text that a JSON value other than a string may have become, as others of its column are strings."""
SUSPECT_BYTES = 512 * 1024
"""Text of which no more than this fails together is all looked at record by record."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of some objects, in their order, with the columns of their table and whence each row comes."""

    frame: pl.DataFrame = field(repr=False)
    rows: Mapping[ObjectVersion, int]


def suspects_among(
    contents: Sequence[Content], reading: Reading
) -> Iterator[tuple[ObjectVersion, ObjectError]]:
    """Those that fail, found by halving: a few bad ones among thousands cost little more than one reading.

    Where bad rows are set aside, neighbours of those that fail may be among them: their records will tell.
    """
    try:
        read_together(contents, reading)
    except ObjectError as error:
        if len(contents) == 1 or _are_few(contents, reading, error):
            yield from ((one.object, error) for one in contents)
            return
        middle = len(contents) // 2
        yield from suspects_among(contents[:middle], reading)
        yield from suspects_among(contents[middle:], reading)


def _are_few(contents: Sequence[Content], reading: Reading, error: ObjectError) -> bool:
    if not reading.quarantines or reading.format not in LINE_FORMATS:
        return False
    size_bytes = sum(len(body) for one in contents for body in one.bodies if isinstance(body, bytes))
    return size_bytes <= SUSPECT_BYTES and not isinstance(error, ColumnRefused | ObjectFaultUnknown)


def read_together(contents: Sequence[Content], reading: Reading) -> Part:
    """The rows of all contents, every one of them good. Raises ObjectError if any cannot be read, or has a bad row."""
    uri = contents[0].object.uri if len(contents) == 1 else f"{len(contents)} objects"
    with unforeseen_as_fault(uri):
        bodies = [body for content in contents for body in content.bodies]
        times = [content.last_modified for content in contents for _ in content.bodies]
        lines = [content.first_line for content in contents for _ in content.bodies]
        parsed = parse(bodies, reading, uri=uri, last_modified=times, first_lines=lines)
        for one in parsed:
            _refuse_rounded(one, reading, uri)
        is_csv = reading.format == "csv"
        found = (fit(one.frame, reading.target, uri=uri, nothing_is_null=is_csv) for one in parsed)
        fitted = [one.sound_rows(uri) for one in found]
        rows = _rows_by_object(contents, [count for one in parsed for count in one.rows])
        frame = fitted[0] if len(fitted) == 1 else stacked(fitted, uri)
        return Part(frame.hstack(provenance(rows)), rows)


def _refuse_rounded(parsed: Parsed, reading: Reading, uri: str) -> None:
    """What is rescued keeps its digits, and JSON's fractions are doubles by now: they are read from each line's text."""
    if not reading.target.rescues or reading.format not in {"ndjson", "json"}:
        return
    known = {*reading.target.fields(), *reading.target.mapping.ignored}
    for name, dtype in parsed.frame.schema.items():
        if name not in known and not is_empty(dtype) and _is_rewritten(parsed.frame[name]):
            raise SchemaMismatch(uri, f"column {name!r} is to be rescued")


def _is_rewritten(values: pl.Series) -> bool:
    """Whether the values may have been written in another way: doubles, nested ones, and text that may be other JSON."""
    dtype = values.dtype
    if isinstance(dtype, pl.String):
        return values.str.contains(OTHER_JSON).any()
    return dtype.is_nested() or dtype.is_float()


def _rows_by_object(contents: Sequence[Content], rows: Sequence[int]) -> dict[ObjectVersion, int]:
    if len(rows) != sum(len(content.bodies) for content in contents):
        raise ValueError("each body has a count of rows")
    remaining = iter(rows)
    return {content.object: sum(islice(remaining, len(content.bodies))) for content in contents}


def provenance(rows: Mapping[ObjectVersion, int]) -> pl.DataFrame:
    """`_source_uri` and `_source_version` of every row; its height fails the join if a row were lost or made up."""
    source_uri, source_version, *_ = PROVENANCE_COLUMNS
    objects = {object_: count for object_, count in rows.items() if count}
    counts = pl.Series(list(objects.values()), dtype=pl.UInt32)
    sources = pl.DataFrame(
        {
            source_uri: [object_.uri for object_ in objects],
            source_version: [object_.version for object_ in objects],
        },
        schema={source_uri: pl.String(), source_version: pl.String()},
    )
    return sources.select(pl.all().repeat_by(counts).explode())
