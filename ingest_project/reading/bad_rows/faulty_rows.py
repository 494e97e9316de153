"""Reads objects whose reader tells which rows are bad: all rows are read once, and the bad ones left out."""

from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import polars as pl

from ingest_project.errors import ObjectError, ObjectUnreadable
from ingest_project.reading.bad_rows.parse_together import read_all
from ingest_project.reading.bad_rows.rejected import RejectedRow
from ingest_project.reading.content import Content
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading
from ingest_project.reading.record import RowTexts
from ingest_project.reading.row_faults import RowFault, no_row_readable
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class BodyRows:
    """The number of a body's rows, and the faults of the bad ones by row.

    `numbers` are the numbers of the rows' lines, unless their texts tell them.
    """

    content: Content
    body: bytes = field(repr=False)
    rows: int
    faults: Mapping[int, RowFault]
    numbers: pl.Series | None = field(default=None, repr=False)

    def told(self, reading: Reading) -> RowTexts:
        """The text of each row."""
        text = Text(
            self.body, self.content.object.uri, reading.target, reading.options, self.content.first_line
        )
        return FORMATS[reading.format].texts_of_rows(text, self.rows)

    def rejected(self, reading: Reading) -> Iterator[RejectedRow]:
        """The bad rows, in their order."""
        if not self.faults:
            return
        told = self.told(reading)
        numbers = told.numbers if self.numbers is None else self.numbers
        for row, fault in self.faults.items():
            number = self.content.first_line + row if numbers is None else numbers[row]
            yield RejectedRow(self.content.object, number, told.texts[row], fault)

    def good_text(self, reading: Reading) -> bytes:
        """The body without its bad rows."""
        if not self.faults:
            return self.body
        told = self.told(reading)
        texts = (told.mended.get(row, text) for row, text in enumerate(told.texts) if row not in self.faults)
        return told.header + b"".join(text + told.line_end for text in texts)


@dataclass(frozen=True, slots=True)
class AllRows:
    """All rows of several contents, good and bad, as they fit the table."""

    frame: pl.DataFrame = field(repr=False)
    is_good: pl.Series = field(repr=False)
    bodies: list[BodyRows] = field(repr=False)

    def rows(self) -> dict[ObjectVersion, int]:
        """The number of good rows of each object."""
        found: dict[ObjectVersion, int] = defaultdict(int)
        for one in self.bodies:
            found[one.content.object] += one.rows - len(one.faults)
        return dict(found)

    def kept(self, failed: Collection[ObjectVersion]) -> pl.Series:
        """Whether each row is good, and of an object that has not failed."""
        if not failed:
            return self.is_good
        bodies = ([one.content.object not in failed] * one.rows for one in self.bodies)
        return self.is_good & pl.Series([*chain.from_iterable(bodies)], dtype=pl.Boolean())

    def of_another_format(self, judged: Container[ObjectVersion]) -> dict[ObjectVersion, ObjectError]:
        """The objects, of those that are `judged`, with a body of which no row can be read at all."""
        found: dict[ObjectVersion, ObjectError] = {}
        for one in self.bodies:
            faults = list(one.faults.values())
            if not faults or one.content.object not in judged or len(faults) < one.rows:
                continue
            if all(fault.is_unreadable for fault in faults):
                reason = no_row_readable(one.rows, faults[0])
                found.setdefault(one.content.object, ObjectUnreadable(one.content.object.uri, reason))
        return found

    def sound(self, reading: Reading, failed: Container[ObjectVersion]) -> Iterator[Content]:
        """Contents of the good rows alone, of the objects that have not failed."""
        for one in self.bodies:
            if len(one.faults) < one.rows and one.content.object not in failed:
                yield replace(one.content, bodies=(one.good_text(reading),), oversized=())


def all_rows(contents: Sequence[Content], reading: Reading, uri: str) -> AllRows:
    """All rows, good and bad. Raises ObjectError for a fault that is not that of a row."""
    (parsed,), (fitted,), _ = read_all(contents, reading, uri)
    frame, faults = fitted.frame, deque(fitted.faults)
    is_good = fitted.faults.sound(frame.height)
    bodies = [(content, body) for content in contents for body in content.bodies]
    found, start = [], 0
    for (content, body), rows in zip(bodies, parsed.rows, strict=True):
        of_body: dict[int, RowFault] = {}
        while faults and faults[0][0] < start + rows:
            row, fault = faults.popleft()
            of_body[row - start] = fault
        numbers = None if parsed.numbers is None else parsed.numbers.slice(start, rows)
        found.append(BodyRows(content, body if isinstance(body, bytes) else b"", rows, of_body, numbers))
        start += rows
    return AllRows(frame, is_good, found)
