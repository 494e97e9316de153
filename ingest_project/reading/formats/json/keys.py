"""Gives the keys of NDJSON the spelling that counts before anything is parsed, so that later steps see only
that.

Only the members of the rows' own objects are renamed. Their values are not changed, so numbers keep their
digits.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from ingest_project.errors import SchemaMismatch
from ingest_project.reading.formats.json.faults import DECODER
from ingest_project.reading.formats.json.members import members
from ingest_project.reading.formats.json.numerals import has_nested_objects
from ingest_project.reading.formats.json.scan import part_ends
from ingest_project.reading.formats.json.value_ends import STRING
from ingest_project.reading.formats.respelled import two_values
from ingest_project.reading.record import Record
from ingest_project.reading.row_faults import RowFault
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.values.json_nested import first_of_each_key

BYTE_ORDER_MARK = "\ufeff"
HEAD_BYTES = 16 * 1024
"""How much of each part is first searched for keys."""
COUNTED_KEYS = 64
SPACED_KEY = re.compile(rb'"[ \t\r\n]++:')
KEY_OR_TEXT = re.compile(rb"(%s)(?=\s*+:)|%s" % (STRING, STRING))
"""Each string in turn, because a text that is not matched as a whole may contain what looks like a key."""


class TwoValues(Exception):
    """A line has two members of one name, and both have a value."""

    def __init__(self, fault: RowFault) -> None:
        super().__init__(fault)
        self.fault = fault


def with_keys_of(spelling: Spelling, bodies: Sequence[bytes], *, settles: bool = True) -> Spelling:
    """The spelling with the keys of these NDJSON bodies.

    Of a name that it does not know, the first spelling counts.

    If it does not `settle` such names, they stay as they are.
    """
    names: dict[bytes, str] = {}
    for part in chain.from_iterable(map(_parts, bodies)):
        _note_keys(part[: part.find(b"\n", HEAD_BYTES) + 1], names)
        if not _has_only(part, names):
            _note_keys(part, names)
    by_fold: dict[str, set[str]] = defaultdict(set)
    for name in names.values():
        by_fold[name.casefold()].add(name)
    unsettled = {fold for fold, found in by_fold.items() if len(found) > 1 and fold not in spelling.by_fold}
    if unsettled and settles:
        keys = [key for key, name in names.items() if name.casefold() in unsettled]
        spelling = spelling.with_names(_first_of_each(unsettled, keys, bodies))
    odd = {fold for fold, found in by_fold.items() if any(spelling.of(name) != name for name in found)}
    keys_of_odd = {key: spelling.of(name) for key, name in names.items() if name.casefold() in odd}
    return replace(spelling, json_keys=keys_of_odd)


def _note_keys(text: bytes, names: dict[bytes, str]) -> None:
    for key in dict.fromkeys(KEY_OR_TEXT.findall(text)):
        if key and key not in names and (name := _name(key)) is not None:
            names[key] = name


def _has_only(part: bytes, keys: Collection[bytes]) -> bool:
    """Whether all keys in these lines are known, by their count: a search would take ten times as long."""
    may_be_spaced = any(mark in part for mark in (b'" ', b'"\t', b'"\r'))
    if len(keys) > COUNTED_KEYS or (may_be_spaced and SPACED_KEY.search(part)):
        return False
    return part.count(b'":') == sum(part.count(key + b":") for key in keys)


def _name(key: bytes) -> str | None:
    try:
        name = json.loads(key)
    except ValueError:  # not text: its line is a bad row
        return None
    return name if isinstance(name, str) else None


def _first_of_each(folds: Collection[str], keys: Iterable[bytes], bodies: Sequence[bytes]) -> Iterator[str]:
    """For each of these names the first spelling in a row's own members, in the order of the rows."""
    missing = set(folds)
    pattern = re.compile(b"|".join(map(re.escape, keys)))
    for line in chain.from_iterable(body.split(b"\n") for body in bodies):
        if not missing:
            return
        if pattern.search(line):
            for name in _members_of(line) or ():
                if name.casefold() in missing:
                    missing.remove(name.casefold())
                    yield name


def _parts(content: bytes) -> Iterator[bytes]:
    """The content in parts of whole lines, of some MiB each."""
    return (content[start:end] for start, end in pairwise([0, *part_ends(content)]))


def _members_of(line: bytes) -> dict[str, str] | None:
    """The members of the line's object with their JSON text, the first of each key; None if it is not an
    object.
    """
    try:
        text = line.decode().removeprefix(BYTE_ORDER_MARK).strip()
        if not text.startswith("{") or not isinstance(DECODER.decode(text), dict):
            return None
        found = first_of_each_key(members(text, 0))
    except (ValueError, RecursionError):  # the parser has a better message for it
        return None
    return {name: text[start:end] for name, (start, end) in found.items()}


@dataclass(frozen=True, slots=True)
class Respelling:
    """Renames the members of lines by `keys`, which a Spelling has as `json_keys`."""

    keys: Mapping[bytes, str]
    _renamed: tuple[tuple[bytes, str, bytes], ...] = field(init=False, repr=False)
    """Keys that are to be replaced, their names, and the keys that replace them."""
    _groups: tuple[tuple[bytes, ...], ...] = field(init=False, repr=False)
    """The keys of each name that has several."""

    def __post_init__(self) -> None:
        groups: dict[str, list[bytes]] = defaultdict(list)
        for key, name in self.keys.items():
            groups[name].append(key)
        spelled = ((key, _name(key) or "", name) for key, name in self.keys.items())
        renamed = tuple((key, old, json.dumps(name).encode()) for key, old, name in spelled if old != name)
        object.__setattr__(self, "_renamed", renamed)
        object.__setattr__(self, "_groups", tuple(tuple(one) for one in groups.values() if len(one) > 1))

    def text(self, content: bytes, uri: str) -> bytes:
        """The lines with the right keys. Raises SchemaMismatch if a line has two values of one name."""
        parts: list[bytes] = []
        lines_before = 0
        for part in _parts(content):
            parts.append(self._part(part, lines_before, uri))
            lines_before += part.count(b"\n")
        return b"".join(parts)

    def record(self, record: Record) -> Record:
        """The record with the right keys to be parsed; it has a fault if it has two values of one name."""
        try:
            line = self._line(record.raw)
        except TwoValues as error:
            return replace(record, fault=error.fault)
        return record if line is record.raw else replace(record, mended=line.rstrip(b"\n") + b"\n")

    def _part(self, part: bytes, lines_before: int, uri: str) -> bytes:
        if not has_nested_objects(part) and not self._may_be_twice(part):
            return self._flat(part)
        lines: list[bytes] = []
        for number, line in enumerate(part.split(b"\n"), start=lines_before + 1):
            try:
                lines.append(self._line(line))
            except TwoValues as error:
                fault = error.fault
                raise SchemaMismatch(uri, f"column {fault.column!r}, line {number}: {fault.reason}") from None
        return b"\n".join(lines)

    def _flat(self, part: bytes) -> bytes:
        """The lines, if none has an object within another: a string before a colon is then a member's key."""
        for key, _, right in self._renamed:
            if b"\\" + key not in part:  # otherwise it may be the end of another key
                part = part.replace(key + b":", right + b":")
            if key in part:
                part = re.sub(rb"(?<!\\)%s(?=\s*+:)" % re.escape(key), right.replace(b"\\", rb"\\"), part)
        return part

    def _line(self, line: bytes) -> bytes:
        if not any(key in line for key, _, _ in self._renamed):
            return line
        if self._may_be_twice(line) or (row := _object(line)) is None:
            return self._rebuilt(line)
        for key, name, right in self._renamed:
            if not (count := line.count(key)):
                continue
            is_member = count == line.count(key + b":") == 1 and name in row
            if not is_member or b"\\" + key in line:
                return self._rebuilt(line)
            line = line.replace(key + b":", right + b":")
        return line

    def _may_be_twice(self, text: bytes) -> bool:
        """Whether the text has two keys of one name, at any depth."""
        return any(sum(key in text for key in group) > 1 for group in self._groups)

    def _rebuilt(self, line: bytes) -> bytes:
        """The line with one member for each name: the one with a value. Raises TwoValues if two have one."""
        if (found := _members_of(line)) is None:
            return line
        names = {name.casefold(): name for name in self.keys.values()}
        by_name: dict[str, list[str]] = defaultdict(list)
        for written in found:
            by_name[names.get(written.casefold(), written)].append(written)
        kept = (f"{json.dumps(name)}: {_value(name, of_name, found)}" for name, of_name in by_name.items())
        return ("{" + ", ".join(kept) + "}").encode()


def _object(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _value(name: str, written: Sequence[str], found: Mapping[str, str]) -> str:
    """The JSON text of the member that has a value. Raises TwoValues if several have one."""
    present = [one for one in written if found[one] != "null"]
    if len(present) > 1:
        raise TwoValues(RowFault(name, two_values(present)))
    return found[present[0]] if present else "null"
