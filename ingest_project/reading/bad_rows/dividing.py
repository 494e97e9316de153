"""Divides a text with bad rows into pieces, of which only those with a bad row are taken apart."""

from collections.abc import Iterator
from dataclasses import dataclass

from ingest_project.errors import ColumnRefused, ObjectError, ObjectFaultUnknown
from ingest_project.reading.bad_rows.parse_together import Part, read_together
from ingest_project.reading.content import Content
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.reading.parse import Reading


@dataclass(frozen=True, slots=True)
class Divided:
    """The pieces of one content: those that were read, each with its rows, and those with a bad row."""

    sound: tuple[Content, ...]
    parts: tuple[Part, ...]
    suspect: tuple[Content, ...]


def divide(content: Content, reading: Reading) -> Divided:
    """The content in pieces; in one, which is not read, if it is small or cannot be cut.

    Raises ColumnRefused and ObjectFaultUnknown, which are not the fault of a row.
    """
    sound: list[Content] = []
    parts: list[Part] = []
    suspect: list[Content] = []
    for piece in _pieces(content, reading):
        if piece is content:
            return Divided((), (), (content,))
        try:
            parts.append(read_together([piece], reading))
            sound.append(piece)
        except (ColumnRefused, ObjectFaultUnknown):
            raise
        except ObjectError:
            suspect.append(piece)
    return Divided(tuple(sound), tuple(parts), tuple(suspect))


def _pieces(content: Content, reading: Reading) -> Iterator[Content]:
    """The content itself, or at least two pieces of it."""
    size_bytes = LIMITS.bad_rows.searched_bytes
    body = content.bodies[0]
    if len(content.bodies) > 1 or not isinstance(body, bytes) or len(body) <= 2 * size_bytes:
        yield content
        return
    limits = PieceLimits(piece_bytes=size_bytes, record_bytes=len(body) + 1)  # no record is too long
    before = content.first_line - 1
    for piece in FORMATS[reading.format].divide(body, reading.options, limits, content.object.uri):
        yield Content(content.object, (piece.body,), content.last_modified, before + piece.first_line)
