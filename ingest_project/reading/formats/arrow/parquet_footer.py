"""Opens Parquet files, also those with maps whose keys may be null, which PyArrow refuses.

In the footer that PyArrow is given, such a map is a list of its entries, which is what its pages hold, and
the name of its key is marked. Everything keeps its length, so that only single bytes change.

https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#maps
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet as pq

from ingest_project.reading.formats.arrow.map_keys import MARK

REFUSED = "Map keys must be annotated as required"
"""How PyArrow's error begins."""
MAGIC = b"PAR1"
TAIL = struct.Struct("<I4s")
"""Behind the footer: its length, and the magic bytes."""
OPTIONAL, REPEATED = 1, 2
MAP, MAP_KEY_VALUE, LIST = 1, 2, 3
"""The ConvertedTypes of parquet.thrift."""
LOGICAL_MAP, LOGICAL_LIST = 0x2C, 0x3C
"""How the LogicalType of a map and of a list begin: the number of the field and a struct."""


def opened(source: pa.NativeFile | IO[bytes], **options: Any) -> pq.ParquetFile:
    """The file, in which such maps are lists of entries whose key has a marked name."""
    try:
        return pq.ParquetFile(source, **options)
    except pa.ArrowInvalid as error:
        if not str(error).startswith(REFUSED):
            raise
    return pq.ParquetFile(source, metadata=_metadata(source), **options)


def metadata_of(source: pa.NativeFile | IO[bytes]) -> pq.FileMetaData:
    """What the footer says."""
    return opened(source).metadata


def _metadata(source: pa.NativeFile | IO[bytes]) -> pq.FileMetaData:
    size_bytes = source.seek(0, io.SEEK_END)
    source.seek(size_bytes - TAIL.size)
    tail = source.read(TAIL.size)
    footer_bytes, _ = TAIL.unpack(tail)
    source.seek(size_bytes - TAIL.size - footer_bytes)
    footer = with_lists(source.read(footer_bytes))
    return pq.ParquetFile(pa.BufferReader(MAGIC + footer + tail)).metadata


def with_lists(footer: bytes) -> bytes:
    """The footer with lists in the place of such maps. Raises ValueError if it is damaged."""
    found = bytearray(footer)
    try:
        elements = [*_Thrift(footer).schema()]
    except IndexError as error:
        raise ValueError("its footer is damaged") from error
    for of_map, entry, key in zip(elements, elements[1:], elements[2:], strict=False):
        is_map = of_map.converted in (MAP, MAP_KEY_VALUE) or of_map.logical == LOGICAL_MAP
        is_entry = (of_map.children, entry.children, entry.repetition) == (1, 2, REPEATED)
        if not is_map or not is_entry or key.repetition != OPTIONAL or not key.name_bytes:
            continue
        if of_map.converted is not None:
            found[of_map.converted_place] = 2 * LIST  # as a zigzag number
        if of_map.logical is not None:
            found[of_map.logical_place] = LOGICAL_LIST
        found[key.name_place] = ord(MARK)
    return bytes(found)


@dataclass(slots=True)
class _Element:
    """A SchemaElement, and where its parts are in the footer."""

    repetition: int | None = None
    children: int = 0
    name_place: int = 0
    name_bytes: int = 0
    converted: int | None = None
    converted_place: int = 0
    logical: int | None = None
    logical_place: int = 0


class _Thrift:
    """Reads the schema of a footer in Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def schema(self) -> Iterator[_Element]:
        """The elements of FileMetaData.schema, depth first."""
        for number, kind in self._fields():
            if number == 2:
                for _ in range(self._list_head()[0]):
                    yield self._element()
                return
            self._skip(kind)

    def _element(self) -> _Element:
        found = _Element()
        for number, kind in self._fields():
            match number:
                case 3:
                    found.repetition = self._integer()
                case 4:
                    found.name_bytes = self._unsigned()
                    found.name_place = self._place
                    self._place += found.name_bytes
                case 5:
                    found.children = self._integer()
                case 6:
                    found.converted_place = self._place
                    found.converted = self._integer()
                case 10:
                    found.logical_place, found.logical = self._place, self._data[self._place]
                    self._skip(kind)
                case _:
                    self._skip(kind)
        return found

    def _fields(self) -> Iterator[tuple[int, int]]:
        """The number and type of each field of a struct, whose value must be read before the next."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            yield number, head & 0xF

    def _skip(self, kind: int) -> None:
        match kind:
            case 1 | 2:  # a boolean is in the head of its field
                return
            case 3:
                self._place += 1
            case 4 | 5 | 6:
                self._unsigned()
            case 7:
                self._place += 8
            case 8:
                size = self._unsigned()
                self._place += size
            case 9 | 10:
                count, inner = self._list_head()
                for _ in range(count):
                    self._skip(3 if inner in (1, 2) else inner)
            case 12:
                for _, inner in self._fields():
                    self._skip(inner)
            case _:
                raise ValueError("its footer is damaged")

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        return (self._unsigned() if head >> 4 == 15 else head >> 4), head & 0xF

    def _byte(self) -> int:
        self._place += 1
        return self._data[self._place - 1]

    def _unsigned(self) -> int:
        found = shift = 0
        while (byte := self._byte()) & 0x80:
            found |= (byte & 0x7F) << shift
            shift += 7
        return found | byte << shift

    def _integer(self) -> int:
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)
