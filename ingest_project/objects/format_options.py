"""The options of a format, as its reader takes them."""

from dataclasses import dataclass

from ingest_project.objects.columns.mapping import column_mapping
from ingest_project.settings.model import TableSettings


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How CSV is written. `delimiter`, `quote` and `comment` are one byte each; without `names` there is a header.

    `encoding` is a codec's name for itself. `null_values` are null beside the empty field. `lines_above` the first line
    are passed over, as they are Excel's own.
    """

    delimiter: str = ","
    quote: str | None = '"'
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ()
    comment: str | None = None
    lines_above: int = 0

    @property
    def delimiter_byte(self) -> bytes:
        return self.delimiter.encode()

    def has_quotes(self, text: bytes) -> bool:
        """Whether quotes may hide delimiters and line ends in this text."""
        return self.quote is not None and self.quote.encode() in text


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The options of all formats; a reader looks at its own. `json_path` are keys from the top of a document.

    `passed_over` are columns of files with types of their own that may be of any type, as nothing of them is needed.
    """

    csv: CsvDialect = CsvDialect()
    json_path: tuple[str, ...] = ()
    passed_over: frozenset[str] = frozenset()


DEFAULT_OPTIONS = FormatOptions()


def format_options(table: TableSettings) -> FormatOptions:
    """The options that the settings give this table.

    Without a header the fields are the columns that the settings declare: the table itself may have further ones.
    """
    csv = table.csv
    return FormatOptions(
        csv=CsvDialect(
            delimiter=csv.delimiter,
            quote=csv.quote,
            names=None if csv.header else _fields_in_order(table),
            encoding=csv.encoding,
            null_values=tuple(csv.null_values),
            comment=csv.comment,
        ),
        json_path=tuple(table.json_.path.split(".")) if table.json_.path else (),
        passed_over=column_mapping(table).passed_over,
    )


def _fields_in_order(table: TableSettings) -> tuple[str, ...]:
    return tuple(name for name, column in (table.columns or {}).items() if column.sql is None)
