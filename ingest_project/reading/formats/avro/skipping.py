"""Finds where encoded values end, for those that `rewriting.py` copies, or puts elsewhere, as they are.

A value that exceeds the data raises IndexError, or ends behind the data's end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, groupby
from typing import Final

from ingest_project.reading.formats.avro.schema import (
    ArrayOf,
    Choice,
    DecimalOf,
    Enum,
    Fixed,
    Itself,
    MapOf,
    Nullable,
    Plain,
    Record,
    Schema,
    Text,
    Time,
    Type,
)

Skip = Callable[[bytes, int], int]
"""Returns where the value ends that begins there."""
NUMBER, SIZED = -1, -2
"""How many bytes a value takes: those of a number of variable length, or so many as such a number says."""
SIZES: Final[Mapping[str, int]] = {
    "null": 0, "boolean": 1, "int": NUMBER, "long": NUMBER, "float": 4, "double": 8,
    "string": SIZED, "bytes": SIZED,
}  # fmt: skip
MAX_NUMBER_BYTES = 10


class Skipping:
    """Finds the ends of the values of one file's types."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._named: dict[str, Skip] = {}

    def of(self, of: Type) -> Skip:
        """Skips a value of this type."""
        if (sizes := _sizes(of)) is not None:
            return _run(sizes)
        match of:
            case Record(_, fields):
                return self.in_turn([one for _, one in fields])
            case ArrayOf(items):
                return partial(_skip_items, self.of(items))
            case MapOf(values):
                return partial(_skip_items, self.in_turn([Plain("string"), values]))
            case Nullable(inner, null_place):
                skips = [self.of(inner)]
                skips.insert(null_place, skip_nothing)
                return partial(_skip_branch, skips)
            case Choice(branches):
                return partial(_skip_branch, [*map(self.of, branches)])
            case Text(inner):
                return self.of(inner)
            case Itself(name):
                return partial(self._skip_named, name)
        raise TypeError(f"{of!r} is not a type of Avro")

    def in_turn(self, types: Sequence[Type]) -> Skip:
        """Skips a value of each of these types, several at once where their sizes are known."""
        if not types:
            return skip_nothing
        skips: list[Skip] = []
        for is_flat, some in groupby(types, lambda one: _sizes(one) is not None):
            if is_flat:
                skips.append(_run([*chain.from_iterable(_sizes(one) or () for one in some)]))
            else:
                skips += map(self.of, some)
        return skips[0] if len(skips) == 1 else partial(_skip_all, skips)

    def _skip_named(self, name: str, data: bytes, place: int) -> int:
        if name not in self._named:
            self._named[name] = self.of(self._schema.named[name])
        return self._named[name](data, place)


def _sizes(of: Type) -> list[int] | None:
    """The sizes of the parts of a value, if they do not depend on the value except for their own lengths."""
    match of:
        case Plain(name):
            return [SIZES[name]]
        case Fixed(_, size_bytes):
            return [size_bytes]
        case Enum():
            return [NUMBER]
        case Time(_, inner) | DecimalOf(inner, _, _) | Text(inner):
            return _sizes(inner)
        case Record(_, fields):
            parts = [_sizes(one) for _, one in fields]
            return None if None in parts else [*chain.from_iterable(one or () for one in parts)]
    return None


def _run(sizes: Iterable[int]) -> Skip:
    """Skips values of these sizes. This is most of the time that rewriting takes."""
    known = tuple(sizes)

    def skip(data: bytes, place: int) -> int:
        for size in known:
            if size >= 0:
                place += size
            elif size == NUMBER:
                while data[place] > 0x7F:
                    place += 1
                place += 1
            else:
                byte = data[place]
                if byte > 0x7F or byte & 1:
                    length, place = number_at(data, place)
                    if length < 0:
                        raise IndexError(place)
                    place += length
                else:
                    place += 1 + (byte >> 1)
        return place

    return skip


def number_at(data: bytes, place: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    value = shift = 0
    for end in range(place, place + MAX_NUMBER_BYTES):
        byte = data[end]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), end + 1
        shift += 7
    raise IndexError(place)


def items_at(data: bytes, place: int) -> tuple[int, int]:
    """The number of items of a block of an array or map, and where they begin."""
    items, place = number_at(data, place)
    if items >= 0:
        return items, place
    _, place = number_at(data, place)  # the block's size
    return -items, place


def _skip_all(skips: Sequence[Skip], data: bytes, place: int) -> int:
    for skip in skips:
        place = skip(data, place)
    return place


def skip_nothing(_data: bytes, place: int) -> int:
    """Skips a value that takes no bytes."""
    return place


def _skip_branch(skips: Sequence[Skip], data: bytes, place: int) -> int:
    branch, place = number_at(data, place)
    if branch < 0:
        raise IndexError(place)
    return skips[branch](data, place)


def _skip_items(skip: Skip, data: bytes, place: int) -> int:
    items, place = items_at(data, place)
    while items:
        for _ in range(items):
            place = skip(data, place)
            if place > len(data):
                raise IndexError(place)
        items, place = items_at(data, place)
    return place
