"""Reads NDJSON: a JSON object on each line, many S3 objects at once.

msgspec decodes a field by the type of its column if all lines have the kind of JSON value that the type
needs. Otherwise, or if the field has no column, its values stay JSON texts, which are cast like those of CSV.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby, repeat
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ingest_project.errors import ObjectTooLarge
from ingest_project.reading.formats.json.decoding import KEYS, Inexact, Lines
from ingest_project.reading.formats.json.faults import line_fault
from ingest_project.reading.formats.json.guessing import guessed_types, widened_type
from ingest_project.reading.formats.json.value_ends import objects_apart
from ingest_project.reading.formats.text import is_utf_8
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFault, RowFaults
from ingest_project.reading.values.json_texts import NOT_JSON
from ingest_project.reading.values.nested import spread
from ingest_project.settings.type_grammar import ColumnType, Primitive

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MARKS = re.compile(b"^(?:" + BYTE_ORDER_MARK + b")+", re.MULTILINE)
WHITESPACE = b" \t\r\n"
LF, CR, OPENING, CLOSING = b"\n\r{}"
FEWEST_FIELDS = 4
"""Parts for fewer fields are as large as for so many."""
LAST_BYTES = 16
"""Of a part, where its last object ends and perhaps some blanks follow."""
RESPELLED = tuple(map(Primitive, ("boolean", "int", "long")))
"""The types whose values tell their JSON texts: no digit of another one is lost."""
MOST_ATTEMPTS = 3
"""Each reads everything again, because of a value in a later part; after so many, all fields are texts."""


class OtherNames(Exception):
    """Rows have other fields, with these names among theirs; `lines` are the first such rows."""

    def __init__(self, names: Iterable[str], lines: bytes | memoryview) -> None:
        super().__init__(names)
        self.names = names
        self.lines = lines


class Again(Exception):
    """A field is read in another way from now on, so what was read before must be read again."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one part: the objects of all but the `bad` ones, and the number of each row's line."""

    objects: Sequence[Any]
    numbers: Sequence[int]
    bad: dict[int, RowFault] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether each line has one object."""
        return isinstance(self.numbers, range) and len(self.numbers) > 0

    def present(self) -> Iterator[bool]:
        """Whether each row has an object."""
        return (place not in self.bad for place in range(len(self.numbers)))


def read_ndjson(
    bodies: Sequence[bytes],
    lines: Lines,
    *,
    uri: str,
    first_lines: Sequence[int] = (),
    names_json: bool = True,
) -> Parsed:
    """The rows of all bodies: the fields of `lines`, then other fields.

    Blank lines, CRLF, byte order marks before lines, a missing last line end and several objects on a line
    are allowed. If an object has a key twice, the last counts. A line that is not an object is a row of nulls
    with a fault. Lines are numbered from `first_lines` (default 1). `names_json` is that of `line_fault`.
    Raises ObjectTooLarge if there are too many undeclared fields.
    """
    firsts = first_lines or [1] * len(bodies)
    attempt = 0
    while True:
        attempt += 1
        reader = _Reader(lines, uri, bodies, names_json=names_json)
        try:
            counts = [reader.read(body, first) for body, first in zip(bodies, firsts, strict=True)]
            return reader.parsed(counts)
        except OtherNames as error:
            rows = _most_rows(bodies)
            # Usually all rows have the same names. If not, each of many bodies may bring one.
            if attempt == 1:
                new = lines.note_names(error.names)
                lines.guess(guessed_types(error.lines, new, rows))
            else:
                lines.note_names(chain.from_iterable(map(names_of, bodies)))
            _check_cells(lines, rows, uri)
        except Again:
            if attempt >= MOST_ATTEMPTS:
                _give_up_types(lines)
        except Inexact:
            _give_up_types(lines)


def _give_up_types(lines: Lines) -> None:
    if not lines.forget_guesses():
        lines.is_typed = False


def names_of(body: bytes) -> Iterator[str]:
    """The keys of the rows' own objects, in their order; lines that have no object have none."""
    for part in _parts(without_marks(body), LIMITS.json.part_bytes):
        try:
            rows = KEYS.decode_lines(part)
        except NOT_JSON:
            lines = bytes(part).split(b"\n")
            objects = (text for line in lines for text, count in records_of(line) if count)
            rows = [row for text in objects for row in KEYS.decode_lines(text)]
        yield from dict.fromkeys(chain.from_iterable(rows))


def without_marks(body: bytes) -> bytes:
    """The lines without byte order marks, which files that were joined may have brought."""
    if BYTE_ORDER_MARK[:1] not in body:  # a search for one byte takes a seventh of the time
        return body
    return MARKS.sub(b"", body)


class _Reader:
    """Decodes parts of some MB, so that the objects of only one are held beside the columns."""

    def __init__(self, lines: Lines, uri: str, bodies: Sequence[bytes], *, names_json: bool) -> None:
        self._lines = lines
        self._uri = uri
        self._bodies = bodies
        self._names_json = names_json
        self._part_bytes = _part_bytes(lines)
        self._pending: list[_Rows] = []
        self._pending_bytes = 0
        self._columns: dict[str, list[pl.Series]] = defaultdict(list)
        self._height = 0
        self._numbers: list[Sequence[int]] = []
        self._faults = RowFaults()

    def read(self, body: bytes, first_line: int) -> int:
        """Takes all lines of a body; gives the number of its rows."""
        rows = 0
        for part in _parts(_without_last_blank_lines(without_marks(body)), self._part_bytes):
            found = self._rows(part, first_line)
            first_line = found.numbers[-1] + 1 if found.is_full else first_line + bytes(part).count(b"\n")
            rows += len(found.numbers)
            self._pending.append(found)
            self._pending_bytes += len(part)
            if self._pending_bytes >= self._part_bytes:
                self._flush()
        return rows

    def parsed(self, counts: Sequence[int]) -> Parsed:
        """All rows, so many of each body."""
        self._flush()
        kinds = self._lines.kinds()
        if self._height:
            columns = {name: self._column(name) for name in kinds}
        else:
            columns = {column.name: column for column in self._lines.columns([])}
        frame = pl.DataFrame(columns) if columns else pl.DataFrame(height=self._height)
        texts = frozenset(name for name, wanted in kinds.items() if wanted is None)
        numbers = pl.concat([pl.Series(dtype=pl.Int64()), *_series(self._numbers)])
        return Parsed(frame, tuple(counts), self._faults, numbers=numbers, json_texts=texts)

    def _column(self, name: str) -> pl.Series:
        found = self._columns[name]
        if name in self._lines.raw and all(one.null_count() == len(one) for one in found):
            return pl.Series(name, [None], dtype=pl.Null()).new_from_index(0, self._height)
        return pl.concat(found)

    def _rows(self, part: bytes | memoryview, first_line: int) -> _Rows:
        if not is_utf_8(part):
            return self._line_by_line(bytes(part), first_line)
        try:
            objects = self._decoded(part)
        except NOT_JSON:
            return self._line_by_line(bytes(part), first_line)
        if len(objects) == _line_count(part):
            return _Rows(objects, range(first_line, first_line + len(objects)))
        # a line is blank, or has several objects or a part of one
        return self._line_by_line(bytes(part), first_line)

    def _decoded(self, text: bytes | memoryview) -> Sequence[Any]:
        """The objects of these lines.

        Raises OtherNames, Again or Inexact if all lines must be read in another way, and an exception of
        NOT_JSON if a line is not an object.
        """
        try:
            return self._lines.decode(text)
        except msgspec.ValidationError as error:
            names = dict.fromkeys(chain.from_iterable(KEYS.decode_lines(text)))
            if not self._lines.knows(names):
                raise OtherNames(names, text) from None
            if not self._lines.is_typed:
                raise
            refused = error
        self._flush()
        before = self._lines.kinds()
        self._note_misfits(text, refused)
        self._respell(before)
        return self._decoded(text)

    def _respell(self, before: Mapping[str, ColumnType | None]) -> None:
        """Makes JSON texts of the values of fields that are read as texts from now on.

        Raises Again if the texts of other fields are needed, or if values must be read in another way.
        """
        now = self._lines.kinds()
        changed = [name for name, wanted in before.items() if now[name] != wanted]
        if not changed:
            raise Again
        for name in changed:
            if name not in self._lines.fields or now[name] or before[name] not in RESPELLED:
                raise Again
        for name in changed:
            self._columns[name] = [values.cast(pl.String()) for values in self._columns[name]]

    def _note_misfits(self, text: bytes | memoryview, error: msgspec.ValidationError) -> None:
        """Leaves all fields as texts that have a value of another kind in these lines."""
        found: msgspec.ValidationError | None = error
        while found is not None and self._lines.is_typed:
            if not self._widened(text, found):
                self._lines.note_misfit(found)
            found = self._lines.refusal(text)

    def _widened(self, text: bytes | memoryview, error: msgspec.ValidationError) -> bool:
        """Gives the field that was refused the new fields of its objects, if it has such."""
        name = self._lines.misfit_with_new_fields(error)
        if name is None:
            return False
        wider = widened_type(text, name, self._lines.fields[name], _most_rows(self._bodies))
        if wider is None:
            return False
        self._lines.widen(name, wider)
        return True

    def _line_by_line(self, part: bytes, first_line: int) -> _Rows:
        lines = part.split(b"\n")
        if is_utf_8(part):
            usual = [line.startswith(b"{") and line.endswith((b"}", b"}\r")) for line in lines]
            texts, numbers, bad = self._sifted(lines, first_line, usual)
            with suppress(*NOT_JSON):
                objects = self._decoded(texts)
                if len(objects) == len(numbers) - len(bad):  # then each usual line is one: see `_line_count`
                    return _Rows(objects, numbers, bad)
        texts, numbers, bad = self._sifted(lines, first_line, repeat(False))
        return _Rows(self._decoded(texts), numbers, bad)

    def _sifted(
        self, lines: Sequence[bytes], first_line: int, are_objects: Iterable[bool]
    ) -> tuple[bytes, list[int], dict[int, RowFault]]:
        """The lines of the good rows, the numbers of all rows, and the faults of the bad ones.

        The lines that `are_objects` are not looked at.
        """
        good: list[bytes] = []
        numbers: list[int] = []
        bad: dict[int, RowFault] = {}
        for number, (line, is_object) in enumerate(zip(lines, are_objects, strict=False), start=first_line):
            if is_object:
                good.append(line)
                numbers.append(number)
                continue
            for text, objects in records_of(line):
                if objects:
                    good.append(text)
                else:
                    bad[len(numbers)] = line_fault(text, names_json=self._names_json)
                numbers += [number] * max(objects, 1)
        return b"\n".join(good), numbers, bad

    def _flush(self) -> None:
        """Makes columns of all objects that are pending."""
        if not self._pending:
            return
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        first = pending[0].objects
        objects = first if len(pending) == 1 else [one for rows in pending for one in rows.objects]
        columns = self._lines.columns(objects)
        if any(rows.bad for rows in pending):
            present = pl.Series([one for rows in pending for one in rows.present()], dtype=pl.Boolean())
            columns = [spread(column, present) for column in columns]
        for column in columns:
            self._columns[column.name].append(column)
        for rows in pending:
            for place, fault in rows.bad.items():
                self._faults.note(self._height + place, fault)
            self._numbers.append(rows.numbers)
            self._height += len(rows.numbers)


def _most_rows(bodies: Sequence[bytes]) -> int:
    return sum(body.count(b"\n") + 1 for body in bodies)


def _check_cells(lines: Lines, rows: int, uri: str) -> None:
    """Raises ObjectTooLarge if undeclared names and rows are too many."""
    if len(lines.raw) * rows > LIMITS.json.cells:
        reason = f"it has {len(lines.raw):,} undeclared fields in {rows:,} rows"
        raise ObjectTooLarge(uri, f"{reason}, more than can be read (limits.py: json.cells)")


def _series(numbers: Sequence[Sequence[int]]) -> Iterator[pl.Series]:
    """All of these numbers. Ranges, of which each small object has one, are made together."""
    for are_ranges, group in groupby(numbers, key=lambda one: isinstance(one, range)):
        some = list(group)
        if not are_ranges:
            yield pl.Series([*chain.from_iterable(some)], dtype=pl.Int64())
            continue
        counts = list(map(len, some))
        ends = accumulate(counts)
        shifts = [one[0] - end + len(one) if one else 0 for one, end in zip(some, ends, strict=True)]
        yield pl.Series(np.arange(sum(counts)) + np.repeat(np.array(shifts, np.int64), counts))


def _without_last_blank_lines(body: bytes) -> bytes:
    return body.rstrip(WHITESPACE) if body[-2:].isspace() else body


def _part_bytes(lines: Lines) -> int:
    fields = max(len(lines.kinds()), FEWEST_FIELDS)
    return min(LIMITS.json.part_bytes, LIMITS.json.part_bytes_per_field * fields)


def _parts(body: bytes, size_bytes: int) -> Iterator[bytes | memoryview]:
    """The body in parts of whole lines, of about this size."""
    view, start = memoryview(body), 0
    while start < len(body):
        end = body.find(b"\n", start + size_bytes) + 1 or len(body)
        yield view[start:end] if end - start < len(body) else body
        start = end


def _line_count(part: bytes | memoryview) -> int | None:
    """The number of lines if each begins and ends like an object; None if one does not, or is blank.

    If so many objects were decoded, none of them extends to another line: a comma or colon would stand at the
    line's end.
    """
    text = np.frombuffer(part, np.uint8)
    ends = np.flatnonzero(text == LF)
    if len(ends) and ends[-1] == len(text) - 1:
        ends = ends[:-1]
    if text[0] != OPENING or not bytes(part[-LAST_BYTES:]).rstrip(WHITESPACE).endswith(b"}"):
        return None
    before = text[ends - 1]
    before = np.where(before == CR, text[ends - 2], before)
    is_between = (before == CLOSING).all() and (text[ends + 1] == OPENING).all()
    return len(ends) + 1 if is_between else None


def records_of(line: bytes) -> Iterator[tuple[bytes, int]]:
    """The line and the number of its objects or, if something in it is not an object, each part with 1 or
    0.
    """
    if not line.strip(WHITESPACE):
        return
    if count := _object_count(line):
        yield line, count
        return
    for text in objects_apart(line):
        yield text, _object_count(text)


def _object_count(line: bytes) -> int:
    """How many objects a line has; 0 if it has anything else."""
    try:
        if not line.isascii():
            line.decode()
        return len(KEYS.decode_lines(line))
    except NOT_JSON:
        return 0
