"""Reads objects whose reader tells which rows are bad: all rows are read once, and the bad ones left out."""

from collections import defaultdict, deque
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress

import polars as pl

from ingest_project.errors import ObjectError, ObjectUnreadable
from ingest_project.reading.bad_rows.parse_together import read_all
from ingest_project.reading.bad_rows.rejected import RejectedRow
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading
from ingest_project.reading.row_faults import RowFault
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class BodyRows:
    """The rows of one body: whether each is good, the numbers of their lines, and the faults by row."""

    content: Content
    body: bytes = field(repr=False)
    is_good: pl.Series = field(repr=False)
    numbers: pl.Series = field(repr=False)
    faults: Mapping[int, RowFault]

    def texts(self, reading: Reading) -> Sequence[bytes]:
        """The text of each row."""
        return FORMATS[reading.format].texts_of_rows(self.body, len(self.is_good))

    def rejected(self, reading: Reading) -> Iterator[RejectedRow]:
        """The bad rows, in their order."""
        texts = self.texts(reading) if self.faults else ()
        for row, fault in self.faults.items():
            yield RejectedRow(self.content.object, self.numbers[row], texts[row] + b"\n", fault)

    def good_text(self, reading: Reading) -> bytes:
        """The body without its bad rows."""
        if not self.faults:
            return self.body
        return b"\n".join(compress(self.texts(reading), self.is_good.to_list())) + b"\n"


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
            found[one.content.object] += int(one.is_good.sum())
        return dict(found)

    def of_others(self, failed: Container[ObjectVersion]) -> pl.Series:
        """Whether each row is of an object that has not failed."""
        bodies = ([one.content.object not in failed] * len(one.is_good) for one in self.bodies)
        return pl.Series([*chain.from_iterable(bodies)], dtype=pl.Boolean())

    def of_another_format(self, judged: Container[ObjectVersion]) -> dict[ObjectVersion, ObjectError]:
        """The objects, of those that are `judged`, with a body of which no row can be read at all."""
        found: dict[ObjectVersion, ObjectError] = {}
        for one in self.bodies:
            faults = list(one.faults.values())
            if one.content.object not in judged or not faults or one.is_good.any():
                continue
            if all(fault.is_unreadable for fault in faults):
                reason = f"none of its {len(faults)} rows can be read; of the first: {faults[0]}"
                found.setdefault(one.content.object, ObjectUnreadable(one.content.object.uri, reason))
        return found

    def sound(self, reading: Reading, failed: Container[ObjectVersion]) -> Iterator[Content]:
        """Contents of the good rows alone, of the objects that have not failed."""
        for one in self.bodies:
            if one.content.object not in failed and one.is_good.any():
                yield replace(one.content, bodies=(one.good_text(reading),), first_line=1, oversized=())


def all_rows(contents: Sequence[Content], reading: Reading, uri: str) -> AllRows:
    """All rows, good and bad. Raises ObjectError for a fault that is not that of a row."""
    (parsed,), (fitted,), _ = read_all(contents, reading, uri)
    frame, faults = fitted.frame, deque(fitted.faults)
    is_good = fitted.faults.sound(frame.height)
    numbers = pl.Series(parsed.numbers, dtype=pl.Int64())
    bodies = [(content, body) for content in contents for body in content.bodies]
    found, start = [], 0
    for (content, body), count in zip(bodies, parsed.rows, strict=True):
        of_body: dict[int, RowFault] = {}
        while faults and faults[0][0] < start + count:
            row, fault = faults.popleft()
            of_body[row - start] = fault
        found.append(
            BodyRows(
                content,
                body if isinstance(body, bytes) else b"",
                is_good.slice(start, count),
                numbers.slice(start, count),
                of_body,
            )
        )
        start += count
    return AllRows(frame, is_good, found)
