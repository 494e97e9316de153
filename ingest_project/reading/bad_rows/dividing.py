"""Divides contents with bad rows into what can be read at once and a rest, which alone is taken apart.

Records are sieved, if the format can do that. Otherwise a text is read in pieces, and the rest are those that
fail.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

import polars as pl

from ingest_project.errors import ColumnRefused, ObjectError, ObjectFaultUnknown
from ingest_project.reading.bad_rows.parse_together import Part, agree, read_good_rows, read_together
from ingest_project.reading.content import Content
from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.line_pieces import line_pieces
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.parse import Reading
from ingest_project.reading.record import Sieved
from ingest_project.reading.values.stacking import stacked
from ingest_project.sources.object_version import ObjectVersion


@dataclass(frozen=True, slots=True)
class Divided:
    """The rows that were read, with contents that have no others, and contents that have the rest.

    `lines` are the numbers of the rows' lines, or of those that follow their pieces, which order them.
    """

    part: Part
    lines: Mapping[ObjectVersion, pl.Series] = field(repr=False)
    sound: tuple[Content, ...]
    rest: tuple[Content, ...]


def divide(contents: Sequence[Content], reading: Reading) -> Divided | None:
    """The contents divided; None if that is not possible, or if nothing is gained.

    Raises ColumnRefused and ObjectFaultUnknown, which are not the fault of a row.
    """
    if any(len(one.bodies) > 1 or not isinstance(one.bodies[0], bytes) for one in contents):
        return None
    divided = _sieved(contents, reading)
    if divided is None and len(contents) == 1 and FORMATS[reading.format].has_a_record_per_line:
        divided = _in_pieces(contents[0], reading)
    if divided is None:
        return None
    oversized = (replace(one, bodies=(b"",)) for one in contents if one.oversized)
    return replace(divided, rest=(*divided.rest, *oversized))


@dataclass(frozen=True, slots=True)
class _Sieve:
    """The records of one content; `suspects` are the places of those that may be bad."""

    content: Content
    sieved: Sieved
    suspects: set[int]

    @property
    def kept(self) -> list[int]:
        """The places of the records that are read at once."""
        return [place for place in range(len(self.sieved.records)) if place not in self.suspects]

    def sound(self) -> Content:
        """The records that are read at once."""
        return self._content(self.kept)

    def numbers(self) -> pl.Series:
        """The line numbers of the records that are read at once."""
        numbers = self.sieved.line_numbers
        return pl.Series([numbers[place] for place in self.kept], dtype=pl.Int64)

    def rest(self) -> Iterator[Content]:
        """The other records; those that follow one another line by line are in one content."""
        numbers = self.sieved.line_numbers
        places = sorted(self.suspects)
        starts = [
            at
            for at, place in enumerate(places)
            if not at or self._line_behind(places[at - 1]) != numbers[place]
        ]
        for start, end in pairwise([*starts, len(places)]):
            yield self._content(places[start:end])

    def _line_behind(self, place: int) -> int:
        return self.sieved.line_numbers[place] + self.sieved.records[place].count(b"\n") + 1

    def _content(self, places: Sequence[int]) -> Content:
        records, header = self.sieved.records, self.sieved.header
        text = header + b"".join(records[place] + b"\n" for place in places)
        first_line = self.sieved.line_numbers[places[0]] - header.count(b"\n") if places else 1
        return Content(self.content.object, (text,), self.content.last_modified, first_line)


def _sieved(contents: Sequence[Content], reading: Reading) -> Divided | None:
    """The contents divided by their records, if the format can tell which of them may be bad."""
    sieves = list(_sieves(contents, reading))
    if len(sieves) < len(contents):
        return None
    try:
        sound = tuple(one.sound() for one in sieves)
        part, bad = read_good_rows(sound, reading)
        if bad:
            _note(bad, sieves)
            sound = tuple(one.sound() for one in sieves)
        part = part or read_together(sound, reading)
    except (ColumnRefused, ObjectFaultUnknown):
        raise
    except ObjectError:  # a record that passed the sieve cannot be read
        return None
    if not part.frame.height:
        return None
    lines = {one.content.object: one.numbers() for one in sieves}
    return Divided(part, lines, sound, tuple(chain.from_iterable(one.rest() for one in sieves)))


def _sieves(contents: Sequence[Content], reading: Reading) -> Iterator[_Sieve]:
    for content in contents:
        (body,) = content.bodies
        text = body if isinstance(body, bytes) else b""
        asked = Text(text, content.object.uri, reading.target, reading.options, content.first_line)
        if (sieved := FORMATS[reading.format].sieved(asked)) is None:
            return
        yield _Sieve(content, sieved, set(sieved.suspects))


def _note(bad: Sequence[int], sieves: Sequence[_Sieve]) -> None:
    """Makes suspects of these rows, counted over all contents."""
    start, left = 0, deque(sorted(bad))
    for one in sieves:
        kept = one.kept
        while left and left[0] < start + len(kept):
            one.suspects.add(kept[left.popleft() - start])
        start += len(kept)


def _in_pieces(content: Content, reading: Reading) -> Divided | None:
    (body,) = content.bodies
    if not isinstance(body, bytes) or len(body) <= 2 * LIMITS.bad_rows.searched_bytes:
        return None
    sound: list[Content] = []
    parts: list[Part] = []
    rest: list[Content] = []
    for piece in _pieces(content, body, reading):
        try:
            parts.append(read_together([piece], reading))
            sound.append(piece)
        except (ColumnRefused, ObjectFaultUnknown):
            raise
        except ObjectError:
            rest.append(piece)
    frames = [part.frame for part in parts]
    height = sum(frame.height for frame in frames)
    if not height or not agree(frames):  # if columns were inferred, all rows decide on their types
        return None
    part = Part(stacked(frames, content.object.uri), {content.object: height})
    lines = pl.concat(
        pl.repeat(_line_behind(piece), frame.height, dtype=pl.Int64, eager=True)
        for piece, frame in zip(sound, frames, strict=True)
    )
    return Divided(part, {content.object: lines}, tuple(sound), tuple(rest))


def _line_behind(piece: Content) -> int:
    """The number of the line that follows the piece."""
    (body,) = piece.bodies
    return piece.first_line + (body.count(b"\n") if isinstance(body, bytes) else 0)


def _pieces(content: Content, body: bytes, reading: Reading) -> Iterator[Content]:
    size_bytes = LIMITS.bad_rows.searched_bytes
    limits = PieceLimits(piece_bytes=size_bytes, record_bytes=len(body) + 1)  # no record is too long
    chunks = (body[start : start + size_bytes] for start in range(0, len(body), size_bytes))
    before = content.first_line - 1
    for piece in line_pieces(chunks, reading.options, limits, content.object.uri):
        yield Content(content.object, (piece.body,), content.last_modified, before + piece.first_line)
