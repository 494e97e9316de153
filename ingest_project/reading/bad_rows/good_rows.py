"""Reads objects that have bad rows: these are set aside with their reasons, and the others are ingested."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import polars as pl

from ingest_project.errors import ObjectError, ObjectUnreadable, SchemaMismatch, TooManyBadRows
from ingest_project.reading.bad_rows.bad_records import Placed, Sifted, sift
from ingest_project.reading.bad_rows.faulty_rows import all_rows
from ingest_project.reading.bad_rows.parse_together import brings_columns, read_together
from ingest_project.reading.bad_rows.rejected import RejectedRow
from ingest_project.reading.columns.fit import Fitted, fit
from ingest_project.reading.columns.rescue import json_of
from ingest_project.reading.content import Content, Oversized
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading, parse
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFault
from ingest_project.reading.values.example import python_values
from ingest_project.reading.values.stacking import stacked
from ingest_project.sources.object_version import ObjectVersion, is_message
from ingest_project.sources.unforeseen import unforeseen_as_fault

Sound = Callable[[], tuple[Content, ...]]


@dataclass(frozen=True, slots=True)
class Tolerated:
    """The good rows of objects, and the rows that were set aside.

    `rows` counts the good ones of each object, in order.

    An object of which nothing can be read is in `failures` only. `sound` makes contents of the good rows
    alone; files that bring their own schema have none.
    """

    frame: pl.DataFrame
    rows: Mapping[ObjectVersion, int]
    rejected: tuple[RejectedRow, ...]
    sound: Sound = tuple
    failures: Mapping[ObjectVersion, ObjectError] = field(default_factory=dict)


def read_tolerantly(contents: Sequence[Content], reading: Reading) -> Tolerated:
    """The rows of all contents, good and bad apart.

    If files bring their own schema, there must be one content only.

    An object fails by itself if it is not of the format at all, if its header is unusable, or if it has more
    bad rows than it may have. Raises ObjectError for a fault that is not that of a row, such as a column that
    the table refuses.
    """
    uri = contents[0].object.uri if len(contents) == 1 else f"{len(contents)} objects"
    with unforeseen_as_fault(uri):
        if not FORMATS[reading.format].is_lines:
            (content,) = contents
            return _read_frames(content, reading)
        if FORMATS[reading.format].tells_bad_lines:
            return _read_rows(contents, reading, uri)
        return _read_lines(contents, reading, uri, _beginnings(contents))


def _beginnings(contents: Sequence[Content]) -> set[ObjectVersion]:
    """The objects that begin here: of a large one only the first piece tells the format.

    A message has no format that could be another one.
    """
    return {
        content.object
        for content in contents
        if content.first_line == 1 and not is_message(content.object.bucket)
    }


def _read_rows(contents: Sequence[Content], reading: Reading, uri: str) -> Tolerated:
    found = all_rows(contents, reading, uri)
    # If a bad row fails its object, the reason is that row's.
    failures = found.of_another_format(_beginnings(contents)) if reading.quarantines else {}
    rejected = [row for body in found.bodies for row in body.rejected(reading)]
    rejected += [
        _oversized(content.object, one, reading) for content in contents for one in content.oversized
    ]
    rejected = [row for row in rejected if row.object not in failures]
    rows = {content.object: 0 for content in contents} | found.rows()
    failures |= _limited(rows, rejected, reading)
    rejected.sort(key=_order_of(contents))
    kept = found.kept(failures)

    def sound() -> tuple[Content, ...]:
        return tuple(found.sound(reading, failures))

    frame = found.frame.filter(kept)
    if not kept.all():
        frame = _without_columns_of_bad_rows(frame, sound, reading, uri)
    return _without_failed(Tolerated(frame, rows, tuple(rejected), sound, failures))


def _read_lines(
    contents: Sequence[Content],
    reading: Reading,
    uri: str,
    judged: Container[ObjectVersion],
) -> Tolerated:
    """The rows of these contents, several of which may be pieces of one object; `judged` as in `sift`."""
    sifted = sift(contents, reading, judged)
    fitted = sifted.fitted(reading, uri)
    faults = [*sifted.bad, *((sifted.sound[row], fault) for row, fault in fitted.faults)]
    rejected = [_oversized(content.object, one, reading) for content in contents for one in content.oversized]
    rejected += [_rejected(one, fault) for one, fault in faults]
    rejected = [row for row in rejected if row.object not in sifted.failures]
    good = fitted.faults.sound(fitted.frame.height)
    rows = _good_rows(sifted, good, contents)
    failures = dict(sifted.failures) | _limited(rows, rejected, reading)
    kept = good & pl.Series([one.content.object not in failures for one in sifted.sound], dtype=pl.Boolean)
    rejected.sort(key=_order_of(contents))
    sound = partial(sifted.contents, kept)
    frame = fitted.frame.filter(kept)
    if not kept.all():
        frame = _without_columns_of_bad_rows(frame, sound, reading, uri)
    return _without_failed(Tolerated(frame, rows, tuple(rejected), sound, failures))


def _order_of(contents: Sequence[Content]) -> Callable[[RejectedRow], tuple[int, int]]:
    """The order of bad rows: by the place of their object, and by line."""
    places = {content.object: place for place, content in enumerate(contents)}
    return lambda row: (places[row.object], row.line_number)


def _without_failed(all_rows: Tolerated) -> Tolerated:
    """The same without the rows of objects that have failed; its frame has none of them."""
    return replace(
        all_rows,
        rows={object_: count for object_, count in all_rows.rows.items() if object_ not in all_rows.failures},
        rejected=tuple(row for row in all_rows.rejected if row.object not in all_rows.failures),
    )


def _without_columns_of_bad_rows(
    frame: pl.DataFrame, sound: Sound, reading: Reading, uri: str
) -> pl.DataFrame:
    """The good rows with the columns and types that they bring by themselves: a bad row never changes a
    table.
    """
    if not FORMATS[reading.format].infers or not brings_columns(frame, reading):
        return frame
    if not (contents := sound()):
        return frame
    alone = read_together(contents, reading)
    if alone.frame.height != frame.height:
        raise SchemaMismatch(uri, "its good rows differ when they are read without the bad ones")
    return alone.without_sources()


def _good_rows(sifted: Sifted, good: pl.Series, contents: Sequence[Content]) -> dict[ObjectVersion, int]:
    rows = {content.object: 0 for content in contents}
    for one, is_good in zip(sifted.sound, good, strict=True):
        rows[one.content.object] += is_good
    return rows


def _limited(
    rows: Mapping[ObjectVersion, int], rejected: Sequence[RejectedRow], reading: Reading
) -> dict[ObjectVersion, ObjectError]:
    """The objects with more bad rows than they may have, which is none if bad rows are not set aside."""
    by_object: dict[ObjectVersion, list[RejectedRow]] = {}
    for row in rejected:
        by_object.setdefault(row.object, []).append(row)
    if not reading.quarantines:
        return {object_: _bad(object_, bad[0]) for object_, bad in by_object.items()}
    if reading.row_limit is None:
        return {}
    return {
        object_: TooManyBadRows(object_.uri, _too_many(bad, rows[object_] + len(bad), str(reading.row_limit)))
        for object_, bad in by_object.items()
        if reading.row_limit.is_exceeded(len(bad), rows[object_] + len(bad))
    }


def _bad(object_: ObjectVersion, first: RejectedRow) -> ObjectError:
    error = ObjectUnreadable if first.fault.is_unreadable else SchemaMismatch
    return error(object_.uri, first.fault.at(f"line {first.line_number}"))


def _rejected(one: Placed, fault: RowFault) -> RejectedRow:
    return RejectedRow(one.content.object, one.record.line_number, one.record.raw, fault)


def _too_many(rejected: Sequence[RejectedRow], rows: int, limit: str) -> str:
    first = min(rejected, key=lambda row: row.line_number)
    return f"{too_many(len(rejected), rows, limit)}; of the first, line {first.line_number}: {first.fault}"


def _read_frames(content: Content, reading: Reading) -> Tolerated:
    frames: list[pl.DataFrame] = []
    rejected: list[RejectedRow] = []
    for body in content.bodies:
        (parsed,) = parse(
            [body], reading, uri=content.object.uri,
            last_modified=[content.last_modified], faults=[content.faults],
        )  # fmt: skip
        keys = [(content.object.key, parsed.frame.height)]
        fitted = fit(parsed.frame, reading.target, uri=content.object.uri, keys=keys, faults=parsed.faults)
        rejected += _rejected_rows(parsed, fitted, content)
        frames.append(fitted.frame.filter(fitted.faults.sound(fitted.frame.height)))
    frame = stacked(frames, content.object.uri)
    rows = {content.object: frame.height}
    for error in _limited(rows, rejected, reading).values():
        raise error
    return Tolerated(frame, rows, tuple(rejected))


def _rejected_rows(parsed: Parsed, fitted: Fitted, content: Content) -> Iterator[RejectedRow]:
    frame, numbers = parsed.as_written(), parsed.numbers
    for row, fault in fitted.faults:
        values = {name: python_values(values)[0] for name, values in frame[row : row + 1].to_dict().items()}
        raw = json_of({**values, **fault.values})
        number = content.first_line + row if numbers is None else numbers[row]
        yield RejectedRow(content.object, number, raw, fault)


def too_many(bad_rows: int, rows: int, limit: str) -> str:
    """The reason of an object that has more bad rows than its table allows."""
    return f"{bad_rows:,} of its {rows:,} rows are bad, and max_bad_rows is {limit}; none was ingested"


def _oversized(object_: ObjectVersion, one: Oversized, reading: Reading) -> RejectedRow:
    return RejectedRow(object_, one.line_number, one.start, RowFault(None, oversized_reason(one, reading)))


def oversized_reason(one: Oversized, reading: Reading) -> str:
    """The reason of a record that is too long to be read."""
    remedy = FORMATS[reading.format].remedy_for_long(one.start)
    return f"it has {one.size_bytes:,} bytes, more than a record may have (batch.max_record_bytes){remedy}"
