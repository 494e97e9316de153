"""Takes a body apart into its records, where reading all of them at once has failed, and judges each by itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ingest_project.objects.csv.rows import csv_rows
from ingest_project.objects.format_options import FormatOptions
from ingest_project.objects.json.faults import NO_UTF_8, line_fault
from ingest_project.objects.json.rescue import Wanted, without_misfits
from ingest_project.objects.record import Record
from ingest_project.objects.row_faults import RowFault
from ingest_project.settings.model import TableFormat

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
WHITESPACE = b" \t\r\n"


Judge = Callable[[Record], RowFault | None]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one body. `header` stands before all of them when they are read again.

    `judge` says what is wrong with a record that has no fault yet, if that can be told from it alone; where it is None,
    that was done.
    """

    records: tuple[Record, ...]
    header: bytes = b""
    judge: Judge | None = None


def records_of(
    body: bytes,
    format: TableFormat,  # noqa: A002 - the settings' own word
    *,
    fields: Mapping[str, str],
    options: FormatOptions,
    first_line: int,
    rescued: Wanted | None,
    uri: str,
) -> Records:
    """The body's records; of NDJSON without what is to be `rescued`. Raises ObjectError if it is not even text of the format's kind, or has no usable header."""
    match format:
        case "csv":
            rows = csv_rows(body, options.csv, fields=fields, first_line=first_line, uri=uri)
            return Records(rows.records, rows.header)
        case "text":
            return Records(tuple(_text_lines(body, first_line)))
        case _ if rescued is not None:
            lines = _ndjson_lines(body, first_line)
            return Records(
                tuple(_without_misfits(one, rescued, names_json=format == "ndjson") for one in lines)
            )
        case _:
            return Records(
                tuple(_ndjson_lines(body, first_line)),
                judge=lambda record: line_fault(record.raw, fields, names_json=format == "ndjson"),
            )


def _lines(body: bytes, first_line: int) -> Iterator[tuple[int, bytes]]:
    """Every line with its number, its line end stripped."""
    text = body.removeprefix(BYTE_ORDER_MARK)
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return enumerate(lines, start=first_line)


def _text_lines(body: bytes, first_line: int) -> Iterator[Record]:
    for number, line in _lines(body, first_line):
        fault = RowFault(None, "it holds a NUL byte, which no text does") if b"\0" in line else None
        yield Record(number, line + b"\n", fault if is_utf_8(line) else NO_UTF_8)


def _ndjson_lines(body: bytes, first_line: int) -> Iterator[Record]:
    lines = ((number, line.removeprefix(BYTE_ORDER_MARK)) for number, line in _lines(body, first_line))
    return (Record(number, line + b"\n") for number, line in lines if line.strip(WHITESPACE))


def _without_misfits(record: Record, wanted: Wanted, *, names_json: bool) -> Record:
    if not is_utf_8(record.raw):
        return replace(record, fault=NO_UTF_8)
    kept, rescued = without_misfits(record.raw, wanted)
    fault = line_fault(kept, wanted.fields, names_json=names_json)
    return replace(record, fault=fault, rescued=rescued, mended=kept.rstrip(b"\n") + b"\n")


def is_utf_8(text: bytes) -> bool:
    """Whether these bytes are text."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
