"""Divides contents with bad rows into what can be read at once and a rest, which alone is taken apart."""

from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from ingest_project.errors import ObjectError, ObjectFaultUnknown
from ingest_project.reading.bad_rows.parse_together import Part, read_good_rows, read_together
from ingest_project.reading.bad_rows.rejected import RejectedRow
from ingest_project.reading.content import Content
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.parse import Reading
from ingest_project.reading.record import Sieved
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class SievedContent:
    """The records of one content; `suspects` are the places of those that may be bad."""

    content: Content
    sieved: Sieved
    suspects: frozenset[int]

    @property
    def kept(self) -> list[int]:
        """The places of the records that are read at once."""
        return [place for place in range(len(self.sieved.records)) if place not in self.suspects]

    def sound(self) -> Content:
        """The records that are read at once."""
        return self._content(self.kept)

    def rest(self) -> Iterator[Content]:
        """The other records, and those that are too long; neighbours are in one content."""
        numbers, places = self.sieved.line_numbers, sorted(self.suspects)
        starts = [
            at
            for at, place in enumerate(places)
            if not at or self._line_behind(places[at - 1]) != numbers[place]
        ]
        for start, end in pairwise([*starts, len(places)]):
            yield self._content(places[start:end])
        if self.content.oversized:
            yield replace(self.content, bodies=(b"",))

    def with_bad(self, lines: Collection[int]) -> "SievedContent":
        """The same with only those suspects that begin on these lines."""
        numbers = self.sieved.line_numbers
        return replace(self, suspects=frozenset(one for one in self.suspects if numbers[one] in lines))

    def _line_behind(self, place: int) -> int:
        return self.sieved.line_numbers[place] + self.sieved.records[place].count(b"\n") + 1

    def _content(self, places: Sequence[int]) -> Content:
        records, header = self.sieved.records, self.sieved.header
        text = header + b"".join(records[place] + b"\n" for place in places)
        first_line = self.sieved.line_numbers[places[0]] - header.count(b"\n") if places else 1
        return Content(self.content.object, (text,), self.content.last_modified, first_line)


@dataclass(frozen=True, slots=True)
class Divided:
    """The rows that were read at once, their contents, and all records with those that are still suspects."""

    part: Part
    sound: tuple[Content, ...]
    sieved: tuple[SievedContent, ...]

    def rest(self) -> list[Content]:
        """Contents of the records that were not read."""
        return list(chain.from_iterable(one.rest() for one in self.sieved))

    def good(self, rejected: Iterable[RejectedRow], failed: Container[ObjectVersion]) -> tuple[Content, ...]:
        """Contents of all records that were not rejected, of the objects that have not failed."""
        bad_lines: dict[ObjectVersion, set[int]] = defaultdict(set)
        for row in rejected:
            bad_lines[row.object].add(row.line_number)
        objects = ((one, one.content.object) for one in self.sieved)
        return tuple(
            one.with_bad(bad_lines[object_]).sound() for one, object_ in objects if object_ not in failed
        )


def divide(contents: Sequence[Content], reading: Reading) -> Divided | None:
    """The contents divided by what the format's sieve says of their records.

    None if it cannot say anything, if a record that passes it cannot be read, or if no row is good. Raises
    ObjectFaultUnknown, which is not the fault of a row.
    """
    sieved = tuple(_sieved(contents, reading))
    if len(sieved) < len(contents):
        return None
    sound = tuple(one.sound() for one in sieved)
    try:
        part, bad = read_good_rows(sound, reading)
        if bad:
            sieved = tuple(_with_suspects(sieved, bad))
            sound = tuple(one.sound() for one in sieved)
        if all(len(one.suspects) == len(one.sieved.records) for one in sieved):
            return None
        part = part or read_together(sound, reading)
    except ObjectFaultUnknown:
        raise
    except ObjectError:
        return None
    return Divided(part, sound, sieved) if part.frame.height else None


def _sieved(contents: Sequence[Content], reading: Reading) -> Iterator[SievedContent]:
    """The contents in order, up to the first that the sieve cannot take."""
    for content in contents:
        body = content.bodies[0]
        if len(content.bodies) > 1 or not isinstance(body, bytes):
            return
        text = Text(body, content.object.uri, reading.target, reading.options, content.first_line)
        if (sieved := FORMATS[reading.format].sieved(text)) is None:
            return
        yield SievedContent(content, sieved, frozenset(sieved.suspects))


def _with_suspects(sieved: Sequence[SievedContent], bad: Sequence[int]) -> Iterator[SievedContent]:
    """The same with these rows, counted over all contents, as suspects too."""
    start, left = 0, deque(sorted(bad))
    for one in sieved:
        kept = one.kept
        found: list[int] = []
        while left and left[0] < start + len(kept):
            found.append(kept[left.popleft() - start])
        yield replace(one, suspects=one.suspects.union(found))
        start += len(kept)
