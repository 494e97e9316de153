"""The table of formats: one row for each, with all that the other modules ask of it.

To add a format, write its module, its row here and its row in `settings/formats.py`. Functions are named by
their import path and imported on first use: a run that reads CSV does not load what reads Avro.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from ingest_project.errors import ObjectTooLarge
from ingest_project.settings.formats import TableFormat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader

    from ingest_project.reading.format_options import FormatOptions
    from ingest_project.reading.formats import interface
    from ingest_project.reading.formats.interface import Bodies, Text
    from ingest_project.reading.limits import PieceLimits
    from ingest_project.reading.parsed import Parsed
    from ingest_project.reading.piece import FramePiece, Piece
    from ingest_project.reading.record import Records, RowTexts

Values = Literal["text", "json", "typed", "fixed"]
"""How files of a format determine the types of columns: all values are text; by JSON's types; by their own
schema; not at all, because the format has fixed columns."""
FOLDER = "ingest_project.reading.formats"


@dataclass(frozen=True, slots=True)
class Format:
    """What is known of one format.

    Paths of functions are relative to `reading/formats`, as "module:function".

    Their types are those of `interface.py`: `reader` is a Read, `cutter` a Cut, and so on. None stands for:

    - no `cutter`: an object is one piece, whatever its size, and no larger than `whole_object_bytes` of
      `limits.py`;
    - no `records`: its reader tells which rows are bad, so a body need not be divided to find them;
    - no `row_texts`: a row does not have a text of its own, as lines do;
    - no `lines`: the reader takes a body as it is;
    - no `decoded_size`: the rows take about as much memory as the body.

    `keeps_packing` is true if an object's bytes are passed on as S3 stores them, whatever their compression.
    `own_zip` are beginnings of names: a zip with such members is a file of the format, not an archive.
    `also_reads` are formats whose files its reader can read too.
    """

    values: Values
    reader: str
    cutter: str | None = None
    records: str | None = None
    row_texts: str | None = None
    lines: str | None = None
    field_names: str | None = None
    decoded_size: str | None = None
    long_record_remedy: str | None = None
    keeps_packing: bool = False
    own_zip: tuple[str, ...] = ()
    also_reads: tuple[TableFormat, ...] = ()
    extensions: tuple[str, ...] = ()
    magics: tuple[bytes, ...] = ()
    first_rows: str | None = None

    @property
    def is_lines(self) -> bool:
        """Whether a body can be divided into records, each of which can be read by itself."""
        return self.records is not None or self.row_texts is not None

    @property
    def tells_bad_lines(self) -> bool:
        """Whether the reader returns the faults of lines, so that these need not be searched for."""
        return self.row_texts is not None

    @property
    def is_opaque(self) -> bool:
        """Whether an object is one value that is not parsed."""
        return self.values == "fixed" and not self.is_lines

    @property
    def infers(self) -> bool:
        """Whether the types of undeclared columns are inferred from values."""
        return self.values in {"text", "json"}

    def read(self, bodies: Bodies) -> list[Parsed]:
        """The rows of all bodies, in their order. Raises ObjectError."""
        reader: interface.Read = _function(self.reader)
        return reader(bodies)

    def cut(
        self, chunks: Iterator[bytes], options: FormatOptions, limits: PieceLimits, uri: str
    ) -> Iterator[Piece | FramePiece]:
        """The file in pieces, at least one. Raises ObjectError."""
        if self.cutter is None:
            raise ObjectTooLarge(uri, "an object of this format cannot be read in pieces")
        cutter: interface.Cut = _function(self.cutter)
        return cutter(chunks, options, limits, uri)

    def take_apart(self, text: Text) -> Records:
        """The records of a body. Raises ObjectError, and ValueError if the format has no records."""
        if self.records is None:
            raise ValueError("files of this format cannot be divided into records")
        take_apart: interface.TakeApart = _function(self.records)
        return take_apart(text)

    def texts_of_rows(self, text: Text, rows: int) -> RowTexts:
        """The texts of the rows of a body, which has so many.

        Raises ValueError if rows of the format do not have one.
        """
        if self.row_texts is None:
            raise ValueError("rows of this format do not have a text")
        texts_of_rows: interface.TextsOfRows = _function(self.row_texts)
        return texts_of_rows(text, rows)

    def as_lines(self, body: bytes, options: FormatOptions, uri: str) -> bytes:
        """A whole body as the reader takes it. Raises ObjectError."""
        if self.lines is None:
            return body
        as_lines: interface.AsLines = _function(self.lines)
        return as_lines(body, options, uri)

    def names_in(self, body: bytes, options: FormatOptions) -> Iterable[str]:
        """The names of a file's fields; none if the format's columns are fixed."""
        if self.field_names is None:
            return ()
        names_in: interface.FieldNames = _function(self.field_names)
        return names_in(body, options)

    def decoded_bytes(self, body: bytes) -> int:
        """About how much memory the rows of a body take; of a format of lines, as the reader takes them."""
        if self.decoded_size is None:
            return len(body)
        decoded_bytes: interface.DecodedBytes = _function(self.decoded_size)
        return decoded_bytes(body)

    def remedy_for_long(self, start: bytes) -> str:
        """What to do about a record that is too long and begins with these bytes; empty if unknown."""
        if self.long_record_remedy is None:
            return ""
        remedy: interface.Remedy = _function(self.long_record_remedy)
        return remedy(start)

    def first_rows_of(self, file: BufferedReader, start: bytes) -> bytes:
        """A small file with the first rows of a large one, for a preview.

        A damaged file may cause any exception.
        """
        if self.first_rows is None:
            raise ValueError("files of this format are read as a whole")
        first_rows: interface.FirstRows = _function(self.first_rows)
        return first_rows(file, start)


@cache
def _function(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(f"{FOLDER}.{module}"), name)


FORMATS: Final[Mapping[TableFormat, Format]] = MappingProxyType(
    {
        "ndjson": Format(
            values="json",
            reader="json.lines:read_lines",
            cutter="line_pieces:line_pieces",
            row_texts="json.row_texts:texts_of",
            decoded_size="record_cutter:size_of_lines",
            field_names="json.lines:field_names",
            long_record_remedy="json.faults:remedy_for_long",
            extensions=(".ndjson", ".jsonl", ".jsonlines", ".ldjson"),
        ),
        "json": Format(
            values="json",
            reader="json.lines:read_documents",
            cutter="json.pieces:json_pieces",
            row_texts="json.row_texts:texts_of",
            decoded_size="record_cutter:size_of_lines",
            lines="json.pieces:as_ndjson",
            field_names="json.lines:field_names",
            also_reads=("ndjson",),
            extensions=(".json", ".geojson"),
        ),
        "csv": Format(
            values="text",
            reader="csv.bodies:read_bodies",
            cutter="csv.pieces:csv_pieces",
            row_texts="csv.bodies:texts_of",
            decoded_size="record_cutter:size_of_lines",
            field_names="csv.bodies:field_names",
            extensions=(".csv", ".tsv", ".tab", ".psv"),
        ),
        "parquet": Format(
            values="typed",
            reader="arrow.reader:read_parquet",
            cutter="arrow.pieces:parquet_pieces",
            field_names="arrow.reader:parquet_names",
            decoded_size="arrow.decoded_size:parquet_body_bytes",
            extensions=(".parquet", ".pq", ".parq"),
            magics=(b"PAR1",),
            first_rows="arrow.first_rows:of_parquet",
        ),
        "avro": Format(
            values="typed",
            reader="avro.reader:read_bodies",
            cutter="avro.pieces:avro_pieces",
            field_names="avro.reader:field_names",
            decoded_size="avro.bounds:decoded_bytes",
            extensions=(".avro",),
            magics=(b"Obj\x01",),
            first_rows="avro.first_rows:of_avro",
        ),
        "ipc": Format(
            values="typed",
            reader="arrow.reader:read_ipc",
            cutter="arrow.pieces:ipc_pieces",
            field_names="arrow.reader:ipc_names",
            decoded_size="arrow.decoded_size:ipc_body_bytes",
            extensions=(".arrow", ".arrows", ".feather", ".ipc"),
            magics=(b"ARROW1", b"\xff\xff\xff\xff"),  # the file; and how each message of the stream begins
            first_rows="arrow.first_rows:of_ipc",
        ),
        "orc": Format(
            values="typed",
            reader="orc.reader:read_bodies",
            cutter="orc.reader:orc_pieces",
            field_names="orc.reader:field_names",
            decoded_size="orc.reader:decoded_bytes",
            extensions=(".orc",),
            magics=(b"ORC",),
            first_rows="orc.reader:first_rows",
        ),
        "excel": Format(
            values="typed",
            reader="excel.reader:read_bodies",
            cutter="excel.pieces:excel_pieces",
            field_names="excel.reader:field_names",
            decoded_size="excel.reader:decoded_bytes",
            own_zip=("[Content_Types].xml", "xl/"),
            extensions=(".xlsx", ".xlsm", ".xltx", ".xltm"),
            first_rows="excel.first_rows:of_workbook",
        ),
        "text": Format(
            values="fixed",
            reader="text:read_bodies",
            cutter="line_pieces:line_pieces",
            records="text:records_of",
            decoded_size="record_cutter:size_of_lines",
            extensions=(".log",),
        ),
        "binary": Format(
            values="fixed",
            reader="binary:read_bodies",
            keeps_packing=True,
            extensions=(
                ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".mp3", ".mp4", ".mov",
                ".wav", ".bin", ".exe", ".docx", ".pptx", ".doc", ".xls", ".xlsb", ".ods", ".tar",
            ),
        ),
    }
)  # fmt: skip


def reads(file_format: TableFormat | None, found: TableFormat | None) -> bool:
    """Whether the reader of a format takes files of the one that was found; both may be unknown."""
    return found == file_format or (
        file_format is not None and found is not None and found in FORMATS[file_format].also_reads
    )
