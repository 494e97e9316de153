"""The files of a corpus: which of them are of a supported format, by their names."""

import bz2
import gzip
import io
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import pyarrow as pa

from ingest_project.reading.format_options import CsvDialect, FormatOptions
from ingest_project.reading.formats.table import FORMATS
from ingest_project.settings.formats import TableFormat

OTHER_NAMES: Final[Mapping[str, TableFormat]] = {
    ".arrow_file": "ipc",
    ".stream": "ipc",
    ".ply": "parquet",
    ".psv": "csv",
}
PACKED: Final = frozenset({".gz", ".zst", ".bz2", ".xz", ".lz4", ".zip"})
DELIMITERS: Final = ",\t;|"


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of a corpus and the format that its name tells.

    An `is_value` file of JSON is read as the value of a field of an object: test files of JSON are mostly
    scalars and arrays, which are not rows.
    """

    corpus: str
    path: Path
    format: TableFormat
    is_value: bool = False

    def body(self) -> bytes:
        """The bytes of the object that is ingested."""
        body = self.path.read_bytes()
        if not self.is_value:
            return body
        return b'{"v": %s}' % body

    def options(self) -> FormatOptions:
        """The options that a user would give for this file: the delimiter that its first line shows."""
        if self.format != "csv":
            return FormatOptions()
        first = unpacked(self.body(), self.path.suffix)[:65536].partition(b"\n")[0].decode("latin-1")
        return FormatOptions(csv=CsvDialect(delimiter=max(DELIMITERS, key=first.count)))

    @property
    def kind(self) -> str:
        """What its row of the table is called."""
        return f"{self.format} value" if self.is_value else self.format

    def __str__(self) -> str:
        return f"{self.path}{' as a value' if self.is_value else ''}"


def files_of(folder: Path) -> Iterator[CorpusFile]:
    """All files below this folder whose format is supported, in the order of their paths."""
    for path in sorted(folder.rglob("*")):
        found = format_of(path)
        if found is None or not path.is_file():
            continue
        yield CorpusFile(folder.name, path, found)
        if found == "json" and path.suffix == ".json":
            yield CorpusFile(folder.name, path, "json", is_value=True)


def format_of(path: PurePath) -> TableFormat | None:
    """The format that the name of a file tells, which may be compressed."""
    suffixes = [one.lower() for one in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    if not suffixes:
        return None
    known: dict[str, TableFormat] = {
        extension: name
        for name, one in FORMATS.items()
        if name not in {"text", "binary"}
        for extension in one.extensions
    }
    return {**known, **OTHER_NAMES}.get(suffixes[-1])


def unpacked(body: bytes, suffix: str) -> bytes:
    """A compressed file's content."""
    if suffix == ".gz":
        return gzip.decompress(body)
    if suffix == ".zst":
        return bytes(pa.input_stream(io.BytesIO(body), compression="zstd").read())
    if suffix == ".bz2":
        return bz2.decompress(body)
    if suffix == ".xz":
        return lzma.decompress(body)
    return body
