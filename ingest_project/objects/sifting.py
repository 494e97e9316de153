"""Finds the records of text that cannot be read, among those of many objects at once.

Records are parsed together in large groups; only a group that fails is looked at record by record, and only where no
fault is found by that, as the parser knows better, each half of it is parsed by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import polars as pl

from ingest_project.errors import ColumnRefused, ObjectError, ObjectUnreadable
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.columns.fit import Fitted, fit
from ingest_project.objects.content import Content
from ingest_project.objects.format_options import CsvDialect, FormatOptions
from ingest_project.objects.json.rescue import Wanted
from ingest_project.objects.parse import Reading, parse
from ingest_project.objects.parsed import Parsed
from ingest_project.objects.record import Record
from ingest_project.objects.records import Judge, records_of
from ingest_project.objects.row_faults import RowFault
from ingest_project.objects.unforeseen import unforeseen_as_fault
from ingest_project.objects.values.stacking import stacked

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
LINE_NUMBER = "line_number"
JUDGED_RECORDS = 2048
"""How many records are looked at one by one, if they cannot be parsed together."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and where it stands: in this body of that content, below this header."""

    content: Content
    body: int
    header: bytes = field(repr=False)
    record: Record


Bad = tuple[Placed, RowFault]


@dataclass(frozen=True, slots=True)
class Sifted:
    """The records that can be parsed together, and those that cannot be parsed even alone, with the reason.

    Objects that are of another format altogether are in `failures` only.
    """

    sound: list[Placed]
    bad: list[Bad]
    failures: Mapping[ObjectVersion, ObjectError]

    def fitted(self, reading: Reading, uri: str) -> Fitted:
        """The sound records as rows, fitted to the table's columns. Raises ObjectError."""
        parsed = _parsed(self.sound, reading, uri)
        if reading.format == "text":
            numbers = [one.record.line_number for one in self.sound]
            parsed = parsed.with_columns(pl.Series(LINE_NUMBER, numbers, dtype=pl.Int64))
        rescued = {row: one.record.rescued for row, one in enumerate(self.sound) if one.record.rescued}
        is_csv = reading.format == "csv"
        return fit(parsed, reading.target, uri=uri, rescued=rescued, nothing_is_null=is_csv)

    def contents(self, kept: pl.Series) -> tuple[Content, ...]:
        """Contents of the sound records that are true here, and of nothing else; to be read with the same options."""
        chosen = [one for one, is_kept in zip(self.sound, kept, strict=True) if is_kept]
        by_content = groupby(chosen, key=lambda one: id(one.content))
        return tuple(_content_of(list(records)) for _, records in by_content)


def sift(contents: Sequence[Content], reading: Reading) -> Sifted:
    """The records of all of these, the bad ones apart. Raises ColumnRefused if a header brings a column in vain."""
    failures: dict[ObjectVersion, ObjectError] = {}
    placed: list[Placed] = []
    bad: list[Bad] = []
    judges: dict[int, Judge] = {}
    for content in contents:
        try:
            with unforeseen_as_fault(content.object.uri):
                found = list(_taken_apart(content, reading, judges))
        except ObjectError as error:
            failures[content.object] = error
            continue
        placed += (one for one in found if one.record.fault is None)
        bad += ((one, one.record.fault) for one in found if one.record.fault is not None)
    sifting = _Sifting(reading, judges)
    sound = sifting.sift(placed)
    bad += sifting.bad
    failures |= _of_another_format(sound, bad)
    return Sifted(
        [one for one in sound if one.content.object not in failures],
        [(one, fault) for one, fault in bad if one.content.object not in failures],
        failures,
    )


def _taken_apart(content: Content, reading: Reading, judges: dict[int, Judge]) -> Iterator[Placed]:
    target = reading.target
    fields = target.fields()
    rescued = Wanted(fields, target.paths(), target.mapping.ignored) if target.rescues else None
    for place, body in enumerate(content.bodies):
        records = records_of(
            bytes(body) if isinstance(body, bytes) else b"", reading.format, fields=fields,
            options=reading.options, first_line=content.first_line, rescued=rescued,
            uri=content.object.uri,
        )  # fmt: skip
        if records.judge is not None:
            judges[id(content)] = records.judge
        for record in records.records:
            yield Placed(content, place, records.header, record)


def _of_another_format(sound: Sequence[Placed], bad: Sequence[Bad]) -> dict[ObjectVersion, ObjectError]:
    """The objects one of whose bodies has bad records only, none of them for the sake of one column.

    Of a large object only its first piece tells the format.
    """
    of_format = {(one.content.object, one.body) for one in sound}
    of_format |= {(one.content.object, one.body) for one, fault in bad if fault.column is not None}
    strange: dict[tuple[ObjectVersion, int], list[Bad]] = {}
    for one, fault in bad:
        if one.content.first_line == 1 and (one.content.object, one.body) not in of_format:
            strange.setdefault((one.content.object, one.body), []).append((one, fault))
    return {object_: _strange(object_, found) for (object_, _), found in strange.items()}


def _strange(object_: ObjectVersion, bad: Sequence[Bad]) -> ObjectError:
    _, fault = min(bad, key=lambda item: item[0].record.line_number)
    return ObjectUnreadable(object_.uri, f"none of its {len(bad)} rows can be read; of the first: {fault}")


class _Sifting:
    """Parts the records that cannot be parsed from the others."""

    def __init__(self, reading: Reading, judges: Mapping[int, Judge]) -> None:
        self._reading = reading
        self._judges = judges
        self.bad: list[Bad] = []

    def sift(self, records: list[Placed]) -> list[Placed]:
        """Those that can be parsed; the others are put into `bad`."""
        if not records or self._fault(records) is None:
            return records
        if len(records) > JUDGED_RECORDS:
            middle = len(records) // 2
            return self.sift(records[:middle]) + self.sift(records[middle:])
        return self._halved(list(self._judged(records)))

    def _judged(self, records: Sequence[Placed]) -> Iterator[Placed]:
        for one in records:
            judge = self._judges.get(id(one.content))
            fault = judge(one.record) if judge is not None else None
            if fault is None:
                yield one
            else:
                self.bad.append((one, fault))

    def _halved(self, records: list[Placed]) -> list[Placed]:
        fault = self._fault(records) if records else None
        if fault is None:
            return records
        if len(records) == 1:
            self.bad.append((records[0], RowFault(None, fault.reason)))
            return []
        middle = len(records) // 2
        return self._halved(records[:middle]) + self._halved(records[middle:])

    def _fault(self, records: Sequence[Placed]) -> ObjectError | None:
        try:
            _parsed(records, self._reading, records[0].content.object.uri)
        except ColumnRefused:
            raise
        except ObjectError as error:
            return error
        return None


def _parsed(records: Sequence[Placed], reading: Reading, uri: str) -> pl.DataFrame:
    """A row for each record, in their order."""
    plain = replace(reading, options=plain_options(reading.options))
    bodies, counts = [], []
    for header, group in groupby(records, key=lambda one: one.header):
        raws = [one.record.text for one in group]
        bodies.append(header + b"".join(raws))
        counts.append(len(raws))
    parsed: list[Parsed] = parse(bodies or [b""], plain, uri=uri)
    found = [count for one in parsed for count in one.rows]
    if bodies and found != counts:
        raise ObjectUnreadable(uri, f"{sum(counts)} records gave {sum(found)} rows")
    return stacked([one.frame for one in parsed], uri)


def plain_options(options: FormatOptions) -> FormatOptions:
    """The options of a body that was put together of records: UTF-8, without comments."""
    csv = options.csv
    dialect = CsvDialect(csv.delimiter, csv.quote, csv.names, "utf-8", csv.null_values, None)
    return FormatOptions(csv=dialect, json_path=options.json_path)


def _content_of(records: Sequence[Placed]) -> Content:
    content = records[0].content
    bodies = [
        BYTE_ORDER_MARK + group[0].header + b"".join(one.record.text for one in group)
        for group in (list(found) for _, found in groupby(records, key=lambda one: one.body))
    ]
    return Content(content.object, tuple(bodies), content.last_modified)
