"""Replaces text of Avro files that is not UTF-8, and says in which rows it is.

Polars does not read such a file at all. This is done only if it refused one, because it takes long.
"""

from collections.abc import Callable, Container, Sequence
from functools import partial

from ingest_project.reading.formats.avro.container import encoded_number
from ingest_project.reading.formats.avro.schema import (
    ArrayOf,
    Choice,
    Itself,
    MapOf,
    Nullable,
    Plain,
    Record,
    Schema,
    Text,
    Type,
)
from ingest_project.reading.formats.avro.skipping import Skipping, items_at, number_at
from ingest_project.reading.row_faults import RowFault, RowFaults
from ingest_project.reading.values.example import example_of

Copy = Callable[[bytes, int, bytearray], int]
"""Appends the value that begins there, with other text if its own is invalid, and returns where it ends."""


class Mending:
    """Mends the blocks of one file, in their order.

    Invalid bytes become `\\xff`. `faults` are those of the rows that have such text in a field that is not
    passed over.
    """

    def __init__(self, schema: Schema, passed_over: Container[str] = ()) -> None:
        self._schema = schema
        self._skip = Skipping(schema)
        self._passed_over = passed_over
        self._named: dict[str, Copy] = {}
        self._rows = 0
        self._texts: list[str] = []
        self.is_mended = False
        self.faults = RowFaults()
        records = [self._record_of_row(one) for one in schema.records]
        self._row = partial(_branch_copied, records) if schema.is_union else records[0]

    def mended(self, data: bytes, rows: int) -> bytes:
        """A block of so many records. Raises ValueError if it is damaged."""
        found, place = bytearray(), 0
        try:
            for _ in range(rows):
                place = self._row(data, place, found)
                self._rows += 1
        except IndexError:
            place = len(data) + 1
        except RecursionError as error:
            raise ValueError("a value in it contains itself too many times") from error
        if place > len(data):
            raise ValueError("a record in it does not end where it should")
        return bytes(found)

    def _record_of_row(self, record: Record) -> Copy:
        fields = [(name, self._copy_of(of)) for name, of in record.fields]

        def copy(data: bytes, place: int, found: bytearray) -> int:
            for name, copy_field in fields:
                place = copy_field(data, place, found)
                if self._texts:
                    self._note(name)
            return place

        return copy

    def _note(self, name: str) -> None:
        self.is_mended = True
        if name not in self._passed_over:
            reason = f"{example_of(self._texts[0])} is not a valid string, its type in the file"
            self.faults.note(self._rows, RowFault(name, reason, was_parsed=True))
        self._texts.clear()

    def _copy_of(self, of: Type) -> Copy:
        match of:
            case Text(inner):
                return self._copy_of(inner)
            case Plain("string"):
                return self._text_copied
            case Record(_, fields):
                return partial(_all_copied, [self._copy_of(one) for _, one in fields])
            case ArrayOf(items):
                return partial(_items_copied, self._copy_of(items))
            case MapOf(values):
                return partial(
                    _items_copied, partial(_all_copied, [self._text_copied, self._copy_of(values)])
                )
            case Nullable(inner, null_place):
                branches = [self._copy_of(inner)]
                branches.insert(null_place, _nothing_copied)
                return partial(_branch_copied, branches)
            case Choice(choices):
                return partial(_branch_copied, [*map(self._copy_of, choices)])
            case Itself(name):
                return partial(self._named_copied, name)
        skip = self._skip.of(of)

        def copy(data: bytes, place: int, found: bytearray) -> int:
            end = skip(data, place)
            found += data[place:end]
            return end

        return copy

    def _text_copied(self, data: bytes, place: int, found: bytearray) -> int:
        size_bytes, start = number_at(data, place)
        end = start + size_bytes
        if size_bytes < 0 or end > len(data):
            raise IndexError(place)
        text = data[start:end]
        try:
            text.decode()
            found += data[place:end]
        except UnicodeDecodeError:
            shown = text.decode(errors="backslashreplace")
            self._texts.append(shown)
            found += encoded_number(len(shown.encode())) + shown.encode()
        return end

    def _named_copied(self, name: str, data: bytes, place: int, found: bytearray) -> int:
        if name not in self._named:
            self._named[name] = self._copy_of(self._schema.named[name])
        return self._named[name](data, place, found)


def _nothing_copied(_data: bytes, place: int, _found: bytearray) -> int:
    return place


def _all_copied(copies: Sequence[Copy], data: bytes, place: int, found: bytearray) -> int:
    for copy in copies:
        place = copy(data, place, found)
    return place


def _branch_copied(branches: Sequence[Copy], data: bytes, place: int, found: bytearray) -> int:
    branch, start = number_at(data, place)
    if branch < 0:
        raise IndexError(place)
    found += data[place:start]
    return branches[branch](data, start, found)


def _items_copied(copy: Copy, data: bytes, place: int, found: bytearray) -> int:
    items, place = items_at(data, place)
    while items:
        found += encoded_number(items)
        for _ in range(items):
            place = copy(data, place, found)
            if place > len(data):
                raise IndexError(place)
        items, place = items_at(data, place)
    found += encoded_number(0)
    return place
