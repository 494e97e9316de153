"""Finds the records that cannot be read among those of many objects.

Records are parsed together. If that fails, each half of them is parsed by itself.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import polars as pl

from ingest_project.errors import ColumnRefused, ObjectError, ObjectUnreadable
from ingest_project.reading.columns.fit import Fitted, fit
from ingest_project.reading.content import Content
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading, parse
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.record import Record
from ingest_project.reading.row_faults import RowFault, no_row_readable
from ingest_project.settings.formats import FIXED_COLUMNS
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.unforeseen import unforeseen_as_fault

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_NUMBER = "line_number"


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and where it stands: its content, the number of the body in it, and the header above it."""

    content: Content
    body: int
    header: bytes = field(repr=False)
    record: Record


Bad = tuple[Placed, RowFault]


@dataclass(frozen=True, slots=True)
class Sifted:
    """The records that can be parsed together, and those that cannot be parsed even alone, with the reason.

    An object that is not of the format at all is in `failures` only.
    """

    sound: list[Placed]
    bad: list[Bad]
    failures: Mapping[ObjectVersion, ObjectError]

    def fitted(self, reading: Reading, uri: str) -> Fitted:
        """The sound records as rows, fitted to the table's columns. Raises ObjectError."""
        found = _parsed(self.sound, reading, uri)
        parsed = found.frame
        if LINE_NUMBER in FIXED_COLUMNS.get(reading.format, ()):
            numbers = [one.record.line_number for one in self.sound]
            parsed = parsed.with_columns(pl.Series(LINE_NUMBER, numbers, dtype=pl.Int64))
        is_text = FORMATS[reading.format].values == "text"
        keys = [(one.content.object.key, 1) for one in self.sound] if reading.target.mapping.from_key else ()
        return fit(
            parsed, reading.target, uri=uri,
            nothing_is_null=is_text, keys=keys,
            faults=found.faults, json_texts=found.json_texts,
        )  # fmt: skip

    def contents(self, kept: pl.Series) -> tuple[Content, ...]:
        """Contents of those sound records for which `kept` is true; they are read with the same options."""
        chosen = [one for one, is_kept in zip(self.sound, kept, strict=True) if is_kept]
        by_content = groupby(chosen, key=lambda one: id(one.content))
        return tuple(_content_of(list(records)) for _, records in by_content)


def sift(contents: Sequence[Content], reading: Reading, judged: Container[ObjectVersion]) -> Sifted:
    """The records of all contents, good and bad apart.

    An object is `judged` here if its records are bad because it is of another format. Raises ColumnRefused if
    the table refuses a column.
    """
    failures: dict[ObjectVersion, ObjectError] = {}
    placed: list[Placed] = []
    bad: list[Bad] = []
    for content in contents:
        try:
            with unforeseen_as_fault(content.object.uri):
                found = list(_taken_apart(content, reading))
        except ObjectError as error:
            failures[content.object] = error
            continue
        placed += (one for one in found if one.record.fault is None)
        bad += ((one, one.record.fault) for one in found if one.record.fault is not None)
    sifting = _Sifting(reading)
    sound = sifting.sift(placed)
    bad += sifting.bad
    strange = _of_another_format(sound, bad)
    failures |= {object_: error for object_, error in strange.items() if object_ in judged}
    return Sifted(
        [one for one in sound if one.content.object not in failures],
        [(one, fault) for one, fault in bad if one.content.object not in failures],
        failures,
    )


def _taken_apart(content: Content, reading: Reading) -> Iterator[Placed]:
    for place, body in enumerate(content.bodies):
        text = body if isinstance(body, bytes) else b""
        records = FORMATS[reading.format].take_apart(
            Text(text, content.object.uri, reading.target, reading.options, content.first_line)
        )
        for record in records.records:
            yield Placed(content, place, records.header, record)


def _of_another_format(sound: Sequence[Placed], bad: Sequence[Bad]) -> dict[ObjectVersion, ObjectError]:
    """The objects with a body all of whose records are bad, and none because of a single column."""
    of_format = {(one.content.object, one.body) for one in sound}
    of_format |= {(one.content.object, one.body) for one, fault in bad if fault.column is not None}
    strange: dict[tuple[ObjectVersion, int], list[Bad]] = {}
    for one, fault in bad:
        if (one.content.object, one.body) not in of_format:
            strange.setdefault((one.content.object, one.body), []).append((one, fault))
    return {object_: _strange(object_, found) for (object_, _), found in strange.items()}


def _strange(object_: ObjectVersion, bad: Sequence[Bad]) -> ObjectError:
    _, fault = min(bad, key=lambda item: item[0].record.line_number)
    return ObjectUnreadable(object_.uri, no_row_readable(len(bad), fault))


class _Sifting:
    """Separates the records that cannot be parsed from the others."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.bad: list[Bad] = []

    def sift(self, records: list[Placed]) -> list[Placed]:
        """The records that can be parsed; the others are put into `bad`."""
        fault = self._fault(records) if records else None
        if fault is None:
            return records
        if len(records) == 1:
            self.bad.append((records[0], RowFault(None, fault.reason)))
            return []
        middle = len(records) // 2
        return self.sift(records[:middle]) + self.sift(records[middle:])

    def _fault(self, records: Sequence[Placed]) -> ObjectError | None:
        try:
            _parsed(records, self._reading, records[0].content.object.uri)
        except ColumnRefused:
            raise
        except ObjectError as error:
            return error
        return None


def _parsed(records: Sequence[Placed], reading: Reading, uri: str) -> Parsed:
    """A row for each record, in their order."""
    bodies, counts = [], []
    for header, group in groupby(records, key=lambda one: one.header):
        raws = [one.record.text for one in group]
        bodies.append(header + b"".join(raws))
        counts.append(len(raws))
    (parsed,) = parse(bodies or [b""], reading, uri=uri)  # of formats that are made of records
    if bodies and list(parsed.rows) != counts:
        raise ObjectUnreadable(uri, f"{sum(counts)} records gave {sum(parsed.rows)} rows")
    return parsed


def _content_of(records: Sequence[Placed]) -> Content:
    content = records[0].content
    bodies = [
        BYTE_ORDER_MARK + group[0].header + b"".join(one.record.text for one in group)
        for group in (list(found) for _, found in groupby(records, key=lambda one: one.body))
    ]
    return Content(content.object, tuple(bodies), content.last_modified)
