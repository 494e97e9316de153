"""Rewrites records with types that Polars does not read, to records with types that it reads.

Most types need none of this, because `stored.py` has a twin with the same encoding for them. A union of
several types becomes a record with a field for each, of which one at most is not null. Values that become
JSON text become `bytes`, and so do very long `fixed` values. Where there must be a value that takes no bytes,
it becomes a number. All other bytes are copied.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ingest_project.reading.formats.avro.container import encoded_number
from ingest_project.reading.formats.avro.schema import (
    NESTED,
    ArrayOf,
    Choice,
    DecimalOf,
    Fixed,
    Itself,
    MapOf,
    Nullable,
    Plain,
    Record,
    Schema,
    Text,
    Type,
    takes_no_bytes,
)
from ingest_project.reading.formats.avro.skipping import Skip, Skipping, items_at, number_at, skip_nothing
from ingest_project.reading.limits import LIMITS

Copy = Callable[[bytes, int, bytearray], int]
"""Appends the value that begins there, as it is to be stored, and returns where it ends."""
Branch = tuple[bytes, Skip, Copy | None, bytes]
"""What is stored before a value, how this is skipped and then copied as it is, or else rewritten, and what is
stored behind it."""
NOTHING = b"\0"
"""What is stored for a value that takes no bytes; and for a null, in a union that begins with null."""
SOMETHING = b"\2"


def needs_rewriting(of: Type) -> bool:
    """Whether a value of this type must be rewritten."""
    match of:
        case Fixed(_, size_bytes):
            return size_bytes > LIMITS.avro.preallocated_fixed_bytes
        case Record(_, fields):
            return any(needs_rewriting(one) for _, one in fields)
        case ArrayOf(inner) | Nullable(inner, _):
            return takes_no_bytes(inner) or needs_rewriting(inner)
        case Text(inner):
            return isinstance(inner, NESTED) or needs_rewriting(inner)
        case MapOf(inner) | DecimalOf(inner, _, _):
            return needs_rewriting(inner)
        case Choice(branches):
            return len(branches) > 1 or needs_rewriting(branches[0])
    return False


class Rewriting:
    """Rewrites the blocks of one file."""

    def __init__(self, schema: Schema) -> None:
        self._skip = Skipping(schema)
        root: Type = Choice(schema.records) if schema.is_union else schema.records[0]
        self._copy = self._copy_of(root) if needs_rewriting(root) else None

    def rewritten(self, data: bytes, rows: int, limit_bytes: int) -> bytes:
        """A block of so many records, as it is to be stored.

        Raises ValueError if it is damaged, or too large.
        """
        if self._copy is None:
            return data
        found = bytearray()
        try:
            end = _records_copied(self._copy, data, rows, found, limit_bytes)
        except IndexError:
            end = len(data) + 1
        except RecursionError as error:
            raise ValueError("a value in it contains itself too many times") from error
        if end > len(data):
            raise ValueError("a record in it does not end where it should")
        if len(found) > limit_bytes:
            raise ValueError(f"it has more than {limit_bytes} bytes without compression")
        return bytes(found)

    def _copy_of(self, of: Type) -> Copy:
        if not needs_rewriting(of):
            return partial(_copied, self._skip.of(of))
        match of:
            case Fixed() | Text(ArrayOf() | MapOf() | Record() | Itself()):
                return partial(_with_size, self._skip.of(of))
            case Text(inner) | DecimalOf(inner, _, _):
                return self._copy_of(inner)
            case ArrayOf(items):
                return partial(_items_copied, self._copy_with_bytes(items))
            case MapOf(values):
                return partial(_items_copied, self._copy_of_fields([Plain("string"), values]))
            case Record(_, fields):
                return self._copy_of_fields([one for _, one in fields])
            case Nullable(inner, null_place):
                return _copy_of_branches([*self._branches_of_two(inner, null_place)])
            case Choice(branches):
                return _copy_of_branches([*self._branches(branches)])
        raise TypeError(f"{of!r} needs no rewriting")

    def _copy_of_fields(self, types: Sequence[Type]) -> Copy:
        parts: list[tuple[Skip, Copy]] = []
        same: list[Type] = []
        for one in types:
            if needs_rewriting(one):
                parts.append((self._skip.in_turn(same), self._copy_of(one)))
                same = []
            else:
                same.append(one)
        return _copy_of_parts(parts, self._skip.in_turn(same))

    def _branches_of_two(self, inner: Type, null_place: int) -> Iterator[Branch]:
        for place in range(2):
            number = encoded_number(place)
            yield _null(number) if place == null_place else self._branch(number, inner, b"")

    def _branches(self, branches: Sequence[Type]) -> Iterator[Branch]:
        if len(branches) == 1:
            yield self._branch(NOTHING, branches[0], b"")
            return
        others = sum(one != Plain("null") for one in branches)
        place = 0
        for one in branches:
            if one == Plain("null"):
                yield _null(NOTHING * others)
                continue
            yield self._branch(NOTHING * place + SOMETHING, one, NOTHING * (others - 1 - place))
            place += 1

    def _branch(self, before: bytes, of: Type, behind: bytes) -> Branch:
        behind = NOTHING + behind if takes_no_bytes(of) else behind
        if needs_rewriting(of):
            return before, skip_nothing, self._copy_of(of), behind
        return before, self._skip.of(of), None, behind

    def _copy_with_bytes(self, of: Type) -> Copy:
        copy = self._copy_of(of)
        if not takes_no_bytes(of):
            return copy
        return _copy_of_parts([(skip_nothing, copy), (skip_nothing, _placeholder_copied)], skip_nothing)


def _records_copied(copy: Copy, data: bytes, rows: int, found: bytearray, limit_bytes: int) -> int:
    """Copies the records until one exceeds a limit, and returns where the last one ends."""
    place, end = 0, len(data)
    for _ in range(rows):
        place = copy(data, place, found)
        if place > end or len(found) > limit_bytes:
            break
    return place


def _copied(skip: Skip, data: bytes, place: int, found: bytearray) -> int:
    end = skip(data, place)
    found += data[place:end]
    return end


def _with_size(skip: Skip, data: bytes, place: int, found: bytearray) -> int:
    end = skip(data, place)
    found += encoded_number(end - place)
    found += data[place:end]
    return end


def _placeholder_copied(_data: bytes, place: int, found: bytearray) -> int:
    found += NOTHING
    return place


def _null(stored: bytes) -> Branch:
    return stored, skip_nothing, None, b""


def _copy_of_parts(parts: Sequence[tuple[Skip, Copy]], last: Skip) -> Copy:
    """Copies the values of a record: what each part skips as it is, then the value that is rewritten."""

    def copy(data: bytes, place: int, found: bytearray) -> int:
        for skip, rewrite in parts:
            end = skip(data, place)
            found += data[place:end]
            place = rewrite(data, end, found)
        end = last(data, place)
        found += data[place:end]
        return end

    return copy


def _copy_of_branches(branches: Sequence[Branch]) -> Copy:
    def copy(data: bytes, place: int, found: bytearray) -> int:
        number, place = data[place], place + 1
        if number > 0x7F or number & 1:
            branch, place = number_at(data, place - 1)
            if branch < 0:
                raise IndexError(place)
        else:
            branch = number >> 1
        before, skip, rewrite, behind = branches[branch]
        found += before
        if rewrite is None:
            end = skip(data, place)
            found += data[place:end]
        else:
            end = rewrite(data, place, found)
        found += behind
        return end

    return copy


def _items_copied(copy: Copy, data: bytes, place: int, found: bytearray) -> int:
    items, place = items_at(data, place)
    while items:
        found += encoded_number(items)
        for _ in range(items):
            place = copy(data, place, found)
            if place > len(data):
                raise IndexError(place)
            if len(found) > LIMITS.unpack.object_bytes:
                raise ValueError(f"it has more than {LIMITS.unpack.object_bytes} bytes without compression")
        items, place = items_at(data, place)
    found += NOTHING
    return place
