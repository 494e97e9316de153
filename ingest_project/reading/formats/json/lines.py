"""Reads bodies of NDJSON, and JSON documents that were converted to lines."""

from collections.abc import Iterable
from dataclasses import replace

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.json.decoding import Lines
from ingest_project.reading.formats.json.ndjson import names_of, read_ndjson
from ingest_project.reading.formats.respelled import respelled
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.target import Target
from ingest_project.settings.type_grammar import parse_column_type


def read_lines(bodies: Bodies) -> list[Parsed]:
    """The rows of NDJSON, all in one frame."""
    return [_read(bodies, names_json=True)]


def read_documents(bodies: Bodies) -> list[Parsed]:
    """The rows of JSON documents, which are already lines, all in one frame."""
    return [_read(bodies, names_json=False)]


def field_names(body: bytes, _options: FormatOptions) -> Iterable[str]:
    """The keys of the rows' own objects, in their order."""
    return names_of(body)


def _read(bodies: Bodies, *, names_json: bool) -> Parsed:
    lines = _lines(bodies.target)
    parsed = _parsed(bodies, lines, names_json=names_json)
    spelling = bodies.target.spelling
    if spelling is None or all(spelling.of(name) == name for name in parsed.frame.columns):
        return parsed
    if lines.is_typed:  # fields of one name become one column, so their values must be read alike
        lines.is_typed = False
        parsed = _parsed(bodies, lines, names_json=names_json)
    frame, faults = respelled(parsed.frame, spelling, uri=bodies.uri)
    parsed.faults.extend(faults)
    return replace(parsed, frame=frame, json_texts=frozenset(spelling.of(name) for name in parsed.json_texts))


def _parsed(bodies: Bodies, lines: Lines, *, names_json: bool) -> Parsed:
    return read_ndjson(
        bodies.texts, lines, uri=bodies.uri, first_lines=bodies.first_lines, names_json=names_json
    )


def _lines(target: Target) -> Lines:
    fields = {name: parse_column_type(type_name) for name, type_name in target.fields().items()}
    paths = target.paths()
    return Lines(
        fields,
        raw=[*paths, *(path.partition(".")[0] for path in paths)],
        ignored=target.mapping.passed_over,
        passed_over=target.passed_over,
        keeps_texts=target.rescues,
        widens=target.evolution == "add_columns",
    )
