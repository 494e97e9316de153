"""The options of a format, as its reader takes them."""

from collections.abc import Container
from dataclasses import dataclass

from ingest_project.reading.limits import LIMITS, Limits, limits_of
from ingest_project.reading.target import target_of
from ingest_project.settings.model import TableSettings


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How CSV is written.

    `delimiter`, `quote`, `comment` and the two escapes are one byte each; without `names` there is a header.
    `escape` begins an escape sequence anywhere in a field, `quote_escape` only within quotes, before a quote
    or before itself; at most one of the two is set.

    `encoding` is the name that Python gives to a codec. `null_values` are null, like the empty field.
    `lines_above` the header or first row are Excel's own and are skipped.
    """

    delimiter: str = ","
    quote: str | None = '"'
    names: tuple[str, ...] | None = None
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ()
    comment: str | None = None
    escape: str | None = None
    quote_escape: str | None = None
    lines_above: int = 0

    @property
    def escape_in_quotes(self) -> bytes | None:
        """The byte that takes the meaning of a quote within quotes, besides a second quote."""
        escape = self.escape or self.quote_escape
        return None if escape is None else escape.encode()

    @property
    def null_texts(self) -> tuple[str, ...]:
        """The fields that are null besides the empty one."""
        return self.null_values if self.escape is None else (*self.null_values, f"{self.escape}N")

    @property
    def delimiter_byte(self) -> bytes:
        return self.delimiter.encode()

    def has_quotes(self, text: bytes) -> bool:
        """Whether the text has quotes, which may hide delimiters and line ends."""
        return self.quote is not None and self.quote.encode() in text


@dataclass(frozen=True, slots=True)
class ExcelLayout:
    """Where the rows of a workbook are. `sheet` is a name or a number; without `names` there is a header.

    `skip_rows` are passed over at the top of the sheet. `null_values` are null, as is the empty cell.
    """

    sheet: str | int | None = None
    names: tuple[str, ...] | None = None
    skip_rows: int = 0
    null_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The options of all formats; a reader looks at its own. `json_path` are keys from the top of a document.

    `passed_over` are columns of files with their own schema that are not needed, so they may have any type.
    `limits` bound the memory that the files of the table may take.
    """

    csv: CsvDialect = CsvDialect()
    json_path: tuple[str, ...] = ()
    excel: ExcelLayout = ExcelLayout()
    passed_over: Container[str] = frozenset()
    limits: Limits = LIMITS


DEFAULT_OPTIONS = FormatOptions()


def format_options(table: TableSettings) -> FormatOptions:
    """The options that the settings of this table give.

    Without a header the fields are the declared columns: the table itself may have further ones.
    """
    csv, excel = table.csv, table.excel
    return FormatOptions(
        csv=CsvDialect(
            delimiter=csv.delimiter,
            quote=csv.quote,
            names=None if csv.header else _fields_in_order(table),
            encoding=csv.encoding,
            null_values=tuple(csv.null_values),
            comment=csv.comment,
            escape=csv.escape,
            quote_escape=csv.quote_escape,
        ),
        excel=ExcelLayout(
            sheet=excel.sheet,
            names=None if excel.header else _fields_in_order(table),
            skip_rows=excel.skip_rows,
            null_values=tuple(excel.null_values),
        ),
        json_path=tuple(table.json_.path.split(".")) if table.json_.path else (),
        passed_over=target_of(table, None).passed_over,
        limits=limits_of(table.batch),
    )


def _fields_in_order(table: TableSettings) -> tuple[str, ...]:
    return tuple(
        name
        for name, column in (table.columns or {}).items()
        if column.sql is None and column.from_key is None
    )
