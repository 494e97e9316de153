"""Divides contents with bad rows into what can be read at once and a rest, which alone is taken apart.

JSON's lines are sieved one by one. Other text is read in pieces, and the rest are the pieces that fail.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby

import polars as pl

from ingest_project.errors import ColumnRefused, ObjectError, ObjectFaultUnknown
from ingest_project.reading.bad_rows.parse_together import Part, agree, read_good_rows, read_together
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.parse import Reading
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
    if FORMATS[reading.format].sieve is not None and reading.target.spelling is None:
        divided = _sieved([_Lines(one) for one in contents], reading)
    else:
        divided = None
    if divided is None and len(contents) == 1:
        divided = _in_pieces(contents[0], reading)
    if divided is None:
        return None
    oversized = (replace(one, bodies=(b"",)) for one in contents if one.oversized)
    return replace(divided, rest=(*divided.rest, *oversized))


@dataclass(slots=True)
class _Lines:
    """The lines of one content; `suspects` are the places of those that may be bad."""

    content: Content
    lines: list[bytes] = field(init=False, repr=False)
    places: list[int] = field(init=False, repr=False)
    """Of the lines that are not blank."""
    suspects: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        (body,) = self.content.bodies
        self.lines = body.split(b"\n") if isinstance(body, bytes) else []
        self.places = [place for place, line in enumerate(self.lines) if line.strip()]

    def sieve(self, reading: Reading) -> None:
        """Notes the lines that may be bad."""
        lines = [self.lines[place] for place in self.places]
        suspects = FORMATS[reading.format].suspects(lines, reading.target) or ()
        self.suspects |= {self.places[one] for one in suspects}

    @property
    def kept(self) -> list[int]:
        """The places of the rows that are read at once."""
        return [place for place in self.places if place not in self.suspects]

    def sound(self) -> Content:
        """The lines that are read at once."""
        text = b"\n".join(self.lines[place] for place in self.kept)
        return Content(self.content.object, (text,), self.content.last_modified)

    def numbers(self) -> pl.Series:
        """The numbers of the lines that are read at once."""
        return pl.Series(self.kept, dtype=pl.Int64) + self.content.first_line

    def rest(self) -> Iterator[Content]:
        """The other lines: neighbours are in one content."""
        runs = groupby(enumerate(sorted(self.suspects)), key=lambda one: one[1] - one[0])
        for _, run in runs:
            places = [place for _, place in run]
            text = b"".join(self.lines[place] + b"\n" for place in places)
            first_line = self.content.first_line + places[0]
            yield Content(self.content.object, (text,), self.content.last_modified, first_line)


def _sieved(contents: Sequence[_Lines], reading: Reading) -> Divided | None:
    for one in contents:
        one.sieve(reading)
    try:
        sound = tuple(one.sound() for one in contents)
        part, bad = read_good_rows(sound, reading)
        if bad:
            _note(bad, contents)
            sound = tuple(one.sound() for one in contents)
        part = part or read_together(sound, reading)
    except (ColumnRefused, ObjectFaultUnknown):
        raise
    except ObjectError:  # a line that passed the sieve cannot be read
        return None
    if not part.frame.height:
        return None
    lines = {one.content.object: one.numbers() for one in contents}
    return Divided(part, lines, sound, tuple(chain.from_iterable(one.rest() for one in contents)))


def _note(bad: Sequence[int], contents: Sequence[_Lines]) -> None:
    """Makes suspects of these rows, counted over all contents."""
    start, left = 0, deque(sorted(bad))
    for one in contents:
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
    limits = PieceLimits(
        piece_bytes=LIMITS.bad_rows.searched_bytes,
        record_bytes=len(body) + 1,  # no record is too long
    )
    before = content.first_line - 1
    for piece in FORMATS[reading.format].divide(body, reading.options, limits, content.object.uri):
        yield Content(content.object, (piece.body,), content.last_modified, before + piece.first_line)
