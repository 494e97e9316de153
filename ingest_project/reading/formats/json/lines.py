"""Reads bodies of NDJSON, and JSON documents that were converted to lines, and divides them into records."""

from collections.abc import Iterator
from dataclasses import replace

from ingest_project.reading.formats.interface import Bodies, Text
from ingest_project.reading.formats.json.faults import line_fault
from ingest_project.reading.formats.json.keys import Respelling
from ingest_project.reading.formats.json.ndjson import read_ndjson
from ingest_project.reading.formats.json.rescue import Wanted, without_misfits
from ingest_project.reading.formats.text import BYTE_ORDER_MARK, NO_UTF_8, is_utf_8, numbered_lines
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.record import Record, Records
from ingest_project.reading.spelling import Spelling

WHITESPACE = b" \t\r\n"


def read_lines(bodies: Bodies) -> list[Parsed]:
    """The rows of NDJSON, all in one frame."""
    return [_read(bodies, names_json=True)]


def read_documents(bodies: Bodies) -> list[Parsed]:
    """The rows of JSON documents, which are already lines, all in one frame."""
    return [_read(bodies, names_json=False)]


def records_of_lines(text: Text) -> Records:
    """The records of NDJSON, without the values that are rescued."""
    return _records(text, names_json=True)


def records_of_documents(text: Text) -> Records:
    """The records of a JSON document that was converted to lines, without the values that are rescued."""
    return _records(text, names_json=False)


def _read(bodies: Bodies, *, names_json: bool) -> Parsed:
    target = bodies.target
    texts = bodies.texts
    if target.spelling is not None and target.spelling.json_keys:
        keys = Respelling(target.spelling.json_keys)
        texts = [keys.text(body, bodies.uri) for body in texts]
    return read_ndjson(
        texts,
        target.fields(),
        uri=bodies.uri,
        exact_paths=target.exact_paths(),
        explains=bodies.explains,
        names_json=names_json,
    )


def _records(text: Text, *, names_json: bool) -> Records:
    target = text.target
    fields = target.fields()
    lines = _records_of_lines(text, target.spelling)
    if target.rescues:
        wanted = Wanted(fields, target.paths(), target.mapping.ignored)
        return Records(tuple(_without_misfits(one, wanted, names_json=names_json) for one in lines))
    return Records(tuple(lines), judge=lambda record: line_fault(record.text, fields, names_json=names_json))


def _records_of_lines(text: Text, spelling: Spelling | None) -> Iterator[Record]:
    lines = (
        (number, line.removeprefix(BYTE_ORDER_MARK))
        for number, line in numbered_lines(text.body, text.first_line)
    )
    records = (Record(number, line + b"\n") for number, line in lines if line.strip(WHITESPACE))
    if spelling is None or not spelling.json_keys:
        return records
    return map(Respelling(spelling.json_keys).record, records)


def _without_misfits(record: Record, wanted: Wanted, *, names_json: bool) -> Record:
    if record.fault is not None:
        return record
    if not is_utf_8(record.raw):
        return replace(record, fault=NO_UTF_8)
    kept, rescued = without_misfits(record.text, wanted)
    fault = line_fault(kept, wanted.fields, names_json=names_json)
    return replace(record, fault=fault, rescued=rescued, mended=kept.rstrip(b"\n") + b"\n")
