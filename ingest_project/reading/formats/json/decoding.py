"""Decodes lines of JSON into columns: msgspec makes objects of a class that has the table's fields.

It refuses what the class does not have: another kind of value, or another field at any depth. So what it
takes is exactly what the lines say, and only what it refuses is looked at in another way.
"""

import re
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ingest_project.reading.values.json_texts import ABSENT, STRING, raw_texts
from ingest_project.reading.values.nested import lists, spread, structs
from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
)

FIRST_INEXACT = float(2**53)
"""From here on not every integer is exactly representable as a double."""
SMALLEST_NORMAL = 2.0**-126
"""The smallest float with all digits."""
BEYOND_FLOAT, MIDDLE = 2**29 - 1, 2**28
"""The bits of a double that a float lacks, and their value in the middle between two floats."""
KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])
PLACE = re.compile(r" - at `\$(?:\[\d*\])?\.([^.`\[\]]+)")
"""Where msgspec says that a value is: the name of a field, then parts of its value."""
MOST_MISFITS = 4
"""With more of them, all fields are JSON texts: each is found by decoding the same lines again."""
INTEGERS = ("int", "long")
FLOATS = ("float", "double")


class Inexact(Exception):
    """A value may not be exactly what its line says: all lines must be read as JSON texts."""


class Lines:
    """Decodes lines for these fields.

    The values of fields in `raw` are left as JSON texts; the values of fields in `ignored` are not read.
    A field that is found in the lines and is not known becomes `ignored` if it is in `passed_over`, otherwise
    `raw`. `keeps_texts` asks for the texts of all values that have several spellings, because those that do
    not fit are rescued.
    """

    def __init__(
        self,
        fields: Mapping[str, ColumnType],
        *,
        raw: Iterable[str] = (),
        ignored: Iterable[str] = (),
        passed_over: Container[str] = (),
        keeps_texts: bool = False,
        widens: bool = False,
    ) -> None:
        self.fields = fields
        self.raw = dict.fromkeys(raw)
        self.ignored = frozenset(ignored).difference(fields, self.raw)
        self._passed_over = passed_over
        self._keeps_texts = keeps_texts
        self._widens = widens and not keeps_texts
        self.is_typed = True
        """Whether fields are decoded by their types; otherwise all are JSON texts."""
        self._texts: set[str] = set()
        """Fields of which a value was not of the type, so that they are JSON texts."""
        self._guessed: dict[str, ColumnType] = {}
        """The types of fields in `raw` that are decoded by them as long as their values are of the type."""
        self._wider: dict[str, ColumnType] = {}
        """The types of fields whose objects have new fields, with these."""
        self._wrong_guesses = 0
        self._made_for: tuple[bool, int, int, int, int, int] | None = None
        self._made: msgspec.json.Decoder[Any] | None = None

    def kinds(self) -> dict[str, ColumnType | None]:
        """The fields that become columns; None for those that are JSON texts."""
        typed = {
            name: self._wider.get(name, wanted) if self._decodes(name, wanted) else None
            for name, wanted in self.fields.items()
        }
        guessed = self._guessed if self.is_typed else {}
        return typed | {name: guessed.get(name) for name in self.raw}

    def _decodes(self, name: str, wanted: ColumnType) -> bool:
        if not self.is_typed or name in self.raw or name in self._texts or isinstance(wanted, DecimalOf):
            return False
        return not self._keeps_texts or (isinstance(wanted, Primitive) and wanted.name not in FLOATS)

    def decode(self, lines: bytes | memoryview) -> Sequence[Any]:
        """An object for each line, with the attributes `field_0` and so on in the order of `kinds`. The lines
        must be valid UTF-8: msgspec does not check what it skips.

        Raises msgspec.ValidationError if a line has another field or, if they are typed, a value of another
        kind, or is not an object; another exception of `NOT_JSON` if it is not valid JSON; Inexact if msgspec
        cannot have fields of these names in a class.
        """
        decoder = self._decoder()
        if decoder is not None:
            return decoder.decode_lines(lines)
        if self.is_typed:
            raise Inexact
        rows = KEYS.decode_lines(lines)
        if not self.knows(chain.from_iterable(rows)):
            raise msgspec.ValidationError("another field")
        return rows

    def _decoder(self) -> "msgspec.json.Decoder[Any] | None":
        """The decoder of the fields as they are read now, which thousands of small bodies share."""
        sizes = (len(self.raw), len(self.ignored), len(self._texts), len(self._guessed), len(self._wider))
        state = (self.is_typed, *sizes)
        if state != self._made_for:
            self._made_for, self._made = state, _decoder(tuple(self.kinds().items()), self.ignored)
        return self._made

    def knows(self, names: Iterable[str]) -> bool:
        """Whether these are names of fields that are read, or ignored."""
        return self.ignored.union(self.fields, self.raw).issuperset(names)

    def note_names(self, names: Iterable[str]) -> Iterable[str]:
        """Adds the names of other fields to the `raw` ones or, if they are not needed, to the `ignored` ones.

        Gives those that were added to `raw`.
        """
        known = self.ignored.union(self.fields, self.raw)
        new = [name for name in dict.fromkeys(names) if name not in known]
        self.ignored |= {name for name in new if name in self._passed_over}
        found = [name for name in new if name not in self.ignored]
        self.raw |= dict.fromkeys(found)
        return found

    def guess(self, types: Mapping[str, ColumnType]) -> None:
        """Decodes fields in `raw` by these types, unless their texts are asked for."""
        if not self._keeps_texts:
            self._guessed = dict(types)

    def forget_guesses(self) -> bool:
        """Leaves all fields in `raw` as JSON texts; whether any of them was not."""
        had_guesses = bool(self._guessed)
        self._guessed = {}
        return had_guesses

    def misfit_with_new_fields(self, refused: msgspec.ValidationError) -> str | None:
        """The name of the field whose objects may have new fields, if this was refused for the first time."""
        name = _field_of(refused)
        is_widened = self._widens and name in self.fields and name not in self._wider
        return name if is_widened and self.kinds().get(name or "") is not None else None

    def widen(self, name: str, wider: ColumnType) -> None:
        """Decodes a field by this type, which has the fields of its own type and new ones."""
        self._wider[name] = wider

    def note_misfit(self, refused: msgspec.ValidationError) -> None:
        """Leaves the field that was refused as JSON texts, or all of them if the error does not tell it."""
        name = _field_of(refused)
        if name in self._guessed:
            self._note_wrong_guess(name)
        elif name is None or self.kinds().get(name) is None or len(self._texts) >= MOST_MISFITS:
            self.is_typed = False
        else:
            self._texts.add(name)

    def _note_wrong_guess(self, name: str) -> None:
        self._wrong_guesses += 1
        if self._wrong_guesses < MOST_MISFITS:
            del self._guessed[name]
        else:
            self.forget_guesses()

    def refusal(self, lines: bytes | memoryview) -> msgspec.ValidationError | None:
        """Why these lines are refused, which have no unknown fields; None if they are not."""
        try:
            self.decode(lines)
        except msgspec.ValidationError as error:
            return error
        except Inexact:
            self.is_typed = False
        return None

    def columns(self, rows: Sequence[Any]) -> list[pl.Series]:
        """A column for each of `kinds`. Raises Inexact."""
        kinds = self.kinds()
        if rows and isinstance(rows[0], dict):
            return [raw_texts([row.get(name, ABSENT) for row in rows], name) for name in kinds]
        return [
            _column(name, list(map(attrgetter(f"field_{place}"), rows)), wanted)
            for place, (name, wanted) in enumerate(kinds.items())
        ]


def _field_of(refused: msgspec.ValidationError) -> str | None:
    place = PLACE.search(str(refused))
    return None if place is None else place[1]


@lru_cache(64)
def _decoder(
    fields: tuple[tuple[str, ColumnType | None], ...], passed_over: Collection[str]
) -> "msgspec.json.Decoder[Any] | None":
    """Decodes lines with these fields; None if one has a quote, a backslash or a control character in its
    name, which msgspec does not take.
    """
    ignored = ((name, None) for name in passed_over)
    try:
        return msgspec.json.Decoder(_class([*fields, *ignored]))
    except ValueError:
        return None


def _class(fields: Iterable[tuple[str, ColumnType | None]]) -> type[msgspec.Struct]:
    """A class with these fields; keys need not be names in Python."""
    names = {f"field_{number}": (name, wanted) for number, (name, wanted) in enumerate(fields)}
    return msgspec.defstruct(
        "Line",
        [(field, *_kind_and_default(wanted)) for field, (_, wanted) in names.items()],
        rename={field: name for field, (name, _) in names.items()},
        forbid_unknown_fields=True,
        gc=False,
    )


def kind_of(wanted: ColumnType) -> Any:
    """The class of values that a type accepts as they are decoded."""
    return _kind_and_default(wanted)[0]


def _kind_and_default(wanted: ColumnType | None) -> tuple[Any, Any]:
    """The same, and the default of a missing one; None is for JSON texts."""
    match wanted:
        case None | DecimalOf():
            return msgspec.Raw, ABSENT
        case Primitive("boolean"):
            return bool | None, None
        case Primitive(name) if name in INTEGERS:
            return int | None, None
        case Primitive(name) if name in FLOATS:
            return float | None, None
        case ListOf(element):
            kind = kind_of(element)
            return list[kind] | None, None  # type: ignore[valid-type] # made at run time
        case MapOf(_, value):
            kind = kind_of(value)
            return dict[str, kind] | None, None  # type: ignore[valid-type]
        case StructOf(fields):
            return _class(fields) | None, None
    return str | None, None


def _column(name: str, values: list[Any], wanted: ColumnType | None) -> pl.Series:
    return (raw_texts(values) if wanted is None else values_of(values, wanted)).alias(name)


def values_of(values: list[Any], wanted: ColumnType) -> pl.Series:
    """The values that were decoded for this type, each of the class of `kind_of`. Raises Inexact."""
    match wanted:
        case DecimalOf():
            return _decimals(values)
        case Primitive("boolean"):
            return pl.Series(values, dtype=pl.Boolean())
        case Primitive(name) if name in INTEGERS:
            return _integers(values)
        case Primitive(name) if name in FLOATS:
            return _floats(values, name)
        case ListOf() | MapOf() | StructOf():
            if None not in values:
                return _nested(values, wanted)
            some = [one for one in values if one is not None]
            present = pl.Series([one is not None for one in values], dtype=pl.Boolean())
            return spread(_nested(some, wanted), present)
    return pl.Series(values, dtype=pl.String())


def _nested(values: list[Any], wanted: ListOf | MapOf | StructOf) -> pl.Series:
    match wanted:
        case ListOf(element):
            return lists(list(map(len, values)), values_of([*chain.from_iterable(values)], element))
        case MapOf(_, inner):
            keys = pl.Series("key", [*chain.from_iterable(values)], dtype=pl.String())
            found = values_of([*chain.from_iterable(one.values() for one in values)], inner)
            entries = lists(list(map(len, values)), structs([keys, found.alias("value")], len(keys)))
            return entries.cast(pl.Map(pl.String(), found.dtype))
        case StructOf(fields):
            columns = (list(map(attrgetter(f"field_{place}"), values)) for place in range(len(fields)))
            return structs(
                [_column(name, found, kind) for (name, kind), found in zip(fields, columns, strict=True)],
                len(values),
            )


def _decimals(values: list[msgspec.Raw]) -> pl.Series:
    """Texts of numbers; whether a string is one depends on more than the type."""
    raw = raw_texts(values)
    if raw.str.starts_with(STRING).any():
        raise Inexact
    return raw


def _integers(values: list[int | None]) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.Int64())
    except (OverflowError, TypeError, pl.exceptions.PolarsError) as error:
        raise Inexact from error


def _floats(values: list[float | None], name: str) -> pl.Series:
    """Doubles. If floats are wanted, fractions are rounded to the nearest one.

    Almost no double is exactly representable as a float: 0.1 as a double is not 0.1 as a float.
    """
    doubles = pl.Series(values, dtype=pl.Float64())
    if (doubles.abs() >= FIRST_INEXACT).any():
        raise Inexact
    if name == "double":
        return doubles
    nearest = doubles.cast(pl.Float32()).cast(pl.Float64())
    if (nearest.is_infinite() | ((doubles == doubles.floor()) & (doubles != nearest))).any():
        raise Inexact  # out of range, or a whole number that is not exactly representable
    if _are_between_floats(doubles):
        raise Inexact
    return nearest


def _are_between_floats(doubles: pl.Series) -> bool:
    """Whether one may be in the middle between two floats: only its text tells which of them is nearer."""
    numbers = doubles.drop_nulls().to_numpy()
    middle = (numbers.view(np.uint64) & np.uint64(BEYOND_FLOAT)) == MIDDLE
    return bool((middle | ((numbers != 0) & (abs(numbers) < SMALLEST_NORMAL))).any())
