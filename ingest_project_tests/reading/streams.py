"""Objects that are cut into pieces without an S3, and what the pieces come to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import DEFAULT_OPTIONS, CsvDialect, FormatOptions
from ingest_project.reading.limits import PieceLimits
from ingest_project.reading.pieces import Cutting, pieces
from ingest_project.settings.formats import TableFormat
from ingest_project.sources.object_version import ObjectVersion
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version


@dataclass(frozen=True)
class Chunked:
    """The stored bytes of an object, in chunks of a size."""

    body: bytes
    chunk_bytes: int = 7
    object: ObjectVersion = field(default_factory=lambda: object_version("k", version_id="v"))
    last_modified: datetime = WRITTEN_AT

    @property
    def size_bytes(self) -> int:
        return len(self.body)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), self.chunk_bytes):
            yield self.body[start : start + self.chunk_bytes]


def cut(
    body: bytes,
    file_format: TableFormat = "ndjson",
    *,
    piece_bytes: int = 20,
    record_bytes: int = 10**9,
    chunk_bytes: int = 7,
    options: FormatOptions = DEFAULT_OPTIONS,
    csv: CsvDialect | None = None,
) -> list[Content]:
    """All pieces of an object of this body."""
    chosen = options if csv is None else FormatOptions(csv=csv)
    cutting = Cutting(file_format, chosen, PieceLimits(piece_bytes, record_bytes))
    return list(pieces(Chunked(body, chunk_bytes), cutting))


def texts(contents: list[Content]) -> list[bytes]:
    """The body of each piece, of which each has one."""
    bodies = [body for content in contents for body in content.bodies]
    assert len(bodies) == len(contents)
    return [body for body in bodies if isinstance(body, bytes)]


def numbered_lines(contents: list[Content], *, header_lines: int = 0) -> list[tuple[int, bytes]]:
    """Each line of all pieces and its number in the object, without the repeated headers of later pieces."""
    lines: list[tuple[int, bytes]] = []
    for place, (content, text) in enumerate(zip(contents, texts(contents), strict=True)):
        of_piece = list(enumerate(text.splitlines(keepends=True), start=content.first_line))
        lines += of_piece[header_lines if place else 0 :]
    return lines
