"""CSV read whole and in pieces, with bad rows set aside or failing: what comes in must be the same."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from ingest_project.reading.content import Content
from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import ColumnMapping, Target
from ingest_project.settings.model import PROVENANCE_COLUMNS, SchemaEvolution
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version
from ingest_project_tests.reading.streams import cut

OBJECT = object_version("k", version_id="v")


@dataclass(frozen=True)
class Outcome:
    """The rows that come in, the bad ones (line, column and reason), and why the object failed."""

    rows: list[dict[str, object]]
    rejected: list[tuple[object, ...]]
    failure: str | None = None


def outcome(
    body: bytes,
    columns: Mapping[str, str] | None = None,
    *,
    in_pieces: bool = False,
    quarantines: bool = True,
    dialect: CsvDialect | None = None,
    evolution: SchemaEvolution = "add_columns",
    mapping: ColumnMapping | None = None,
) -> Outcome:
    """What becomes of an object of this body; a piece is of a record or two, and there must be several."""
    options = FormatOptions(csv=dialect or CsvDialect())
    target = Target(columns, evolution, mapping or ColumnMapping())
    reading = Reading("csv", target, options, quarantines=quarantines)
    contents = [Content(OBJECT, (body,), WRITTEN_AT)]
    if in_pieces:
        contents = cut(body, "csv", options=options, piece_bytes=8, chunk_bytes=1)
        assert len(contents) > 1
    return _together([read_contents([one], reading) for one in contents])


def cuts(body: bytes, dialect: CsvDialect) -> list[list[Content]]:
    """The pieces of this body by each size of pieces; sizes that cut it at the same places come once."""
    found: list[list[Content]] = []
    for size in range(1, len(body) + 1):
        contents = cut(body, "csv", csv=dialect, piece_bytes=size, chunk_bytes=1)
        if contents not in found:
            found.append(contents)
    return found


def _together(results: list[ReadResult]) -> Outcome:
    frames = [one.frame.drop(PROVENANCE_COLUMNS, strict=False) for one in results if one.frame is not None]
    rows = pl.concat(frames, how="diagonal_relaxed").to_dicts() if frames else []
    bad = [
        one.rejected.select("line_number", "column_name", "reason")
        for one in results
        if one.rejected is not None
    ]
    failures = [failure.error for one in results for failure in one.failures]
    failure = f"{failures[0].error_class}: {failures[0].reason}" if failures else None
    return Outcome(rows, [row for frame in bad for row in frame.rows()], failure)
