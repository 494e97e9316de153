"""How the options of each format are shown: to programs, to people, and in the entry of ingest.yaml."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ingest_project.preview.yaml_text import flow
from ingest_project.reading.format_options import FormatOptions
from ingest_project.settings.formats import TableFormat

Header = tuple[str, ...] | None
"""The header of files whose fields are nevertheless identified by their place; see ReadAs."""


def _nothing(_options: FormatOptions, _header: Header) -> Iterator[str]:
    return iter(())


def _plain(file_format: TableFormat | None, _options: FormatOptions) -> str:
    return str(file_format)


@dataclass(frozen=True, slots=True)
class OptionWords:
    """What a preview says of a format's options.

    `answer` returns its part of the answer for programs; for files of another format the options are None.
    `heading` is a line for people, `entry` yields the lines of a table. `names` are those that the options
    give the fields by their place, None if the files name them.
    """

    answer: Callable[[FormatOptions | None], Mapping[str, Any]] = lambda _: {}
    heading: Callable[[TableFormat | None, FormatOptions], str] = _plain
    entry: Callable[[FormatOptions, Header], Iterator[str]] = _nothing
    names: Callable[[FormatOptions], tuple[str, ...] | None] = lambda _: None


def words_of(file_format: TableFormat | None) -> OptionWords:
    """The words for files of this format."""
    return OptionWords() if file_format is None else WORDS.get(file_format, OptionWords())


def option_answers(file_format: TableFormat | None, options: FormatOptions) -> dict[str, Any]:
    """The options of all formats for programs; those of other formats than this are None."""
    answers = (words.answer(options if name == file_format else None) for name, words in WORDS.items())
    return {key: value for answer in answers for key, value in answer.items()}


def header_line(names: tuple[str, ...] | None, header: Header) -> str:
    """The value of `header`, with a comment if the fields are identified by their place."""
    if names is None:
        return "true"
    comment = "the columns below are in the order of the fields"
    if header is not None:
        comment += ", some of which the header names alike"
    elif names[:1] == ("column_1",):
        comment += ": name them"
    return f"false  # {comment}"


def _csv_answer(options: FormatOptions | None) -> Mapping[str, Any]:
    if options is None:
        return {"csv": None}
    csv = options.csv
    return {
        "csv": {
            "delimiter": csv.delimiter,
            "quote": csv.quote,
            "header": csv.names is None,
            "encoding": csv.encoding,
            "null_values": list(csv.null_values),
            "comment": csv.comment,
            "escape": csv.escape,
            "quote_escape": csv.quote_escape,
        }
    }


def _csv_heading(_format: TableFormat | None, options: FormatOptions) -> str:
    csv = options.csv
    header = "with a header" if csv.names is None else "without a header"
    nulls = ", ".join(mark or '""' for mark in csv.null_values)
    nulls = f", null is {nulls}" if nulls else ""
    comment = f", comments start with {csv.comment}" if csv.comment else ""
    quote = "no quotes" if csv.quote is None else f"quote {csv.quote}"
    escape = f", escape character {csv.escape}" if csv.escape else ""
    escape = f", quotes escaped by {csv.quote_escape}" if csv.quote_escape else escape
    return f"csv, {header}, delimiter {csv.delimiter!r}, {quote}{escape}, {csv.encoding}{nulls}{comment}"


def _csv_entry(options: FormatOptions, header: Header) -> Iterator[str]:
    csv = options.csv
    yield "csv:"
    yield f"  delimiter: {flow(csv.delimiter)}"
    if csv.quote != '"':
        yield f"  quote: {'null' if csv.quote is None else flow(csv.quote)}"
    yield f"  header: {header_line(csv.names, header)}"
    yield f"  encoding: {csv.encoding}"
    if csv.null_values:
        yield f"  null_values: [{', '.join(flow(mark) for mark in csv.null_values)}]"
    if csv.comment:
        yield f"  comment: {flow(csv.comment)}"
    if csv.escape:
        yield f"  escape: {flow(csv.escape)}"
    if csv.quote_escape:
        yield f"  quote_escape: {flow(csv.quote_escape)}"


def _json_heading(_format: TableFormat | None, options: FormatOptions) -> str:
    return f"json, rows at {'.'.join(options.json_path)}" if options.json_path else "json"


def _json_entry(options: FormatOptions, _header: Header) -> Iterator[str]:
    if options.json_path:
        yield f"json: {{path: {flow('.'.join(options.json_path))}}}"


def _excel_answer(options: FormatOptions | None) -> Mapping[str, Any]:
    if options is None:
        return {"excel": None}
    excel = options.excel
    return {
        "excel": {
            "sheet": excel.sheet,
            "header": excel.names is None,
            "skip_rows": excel.skip_rows,
            "null_values": list(excel.null_values),
        }
    }


def _excel_heading(_format: TableFormat | None, options: FormatOptions) -> str:
    excel = options.excel
    header = "with a header" if excel.names is None else "without a header"
    skipped = f", below {excel.skip_rows} rows" if excel.skip_rows else ""
    return f"excel, the first visible sheet, {header}{skipped}"


def _excel_entry(options: FormatOptions, header: Header) -> Iterator[str]:
    excel = options.excel
    if excel.names is None and not excel.skip_rows:
        return
    yield "excel:"
    yield f"  header: {header_line(excel.names, header)}"
    if excel.skip_rows:
        yield f"  skip_rows: {excel.skip_rows}  # above the table"


WORDS: Mapping[TableFormat, OptionWords] = MappingProxyType(
    {
        "csv": OptionWords(_csv_answer, _csv_heading, _csv_entry, lambda options: options.csv.names),
        "excel": OptionWords(
            _excel_answer, _excel_heading, _excel_entry, lambda options: options.excel.names
        ),
        "json": OptionWords(
            lambda options: {"json_path": None if options is None else ".".join(options.json_path) or None},
            _json_heading,
            _json_entry,
        ),
    }
)
"""The words for formats that have options."""
