"""What Polars reads of an Avro file, and how that is converted to the values of the file's types.

Polars' reader knows records, arrays, unions of null and one type, and plain types. Most other types are
encoded as one of these is: a map as an array of records of key and value, an enum as an int, a decimal as its
bytes. So the file is given a schema of those types. What has no such twin is rewritten before, by
`rewriting.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ingest_project.reading.formats.avro.decimals import MAX_DIGITS, decimals_of, texts_of
from ingest_project.reading.formats.avro.schema import (
    BRANCH,
    ArrayOf,
    Choice,
    DecimalOf,
    Enum,
    Fixed,
    Itself,
    Json,
    MapOf,
    Nullable,
    Plain,
    Record,
    Schema,
    Text,
    Time,
    Type,
    fields_of_choice,
)
from ingest_project.reading.formats.avro.texts import texts_of_encoded, texts_of_values
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.values.types import instance

Values = Any
"""An Arrow array: its stubs know no type for arrays of any type."""
Convert = Callable[[Values], Values]
DTYPES: Final[Mapping[str, pl.DataType]] = {
    "null": pl.Null(),
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "string": pl.String(),
    "bytes": pl.Binary(),
}
UNITS: Final[Mapping[str, Literal["ms", "us", "ns"]]] = {"millis": "ms", "micros": "us", "nanos": "ns"}
PLACEHOLDER = "int"
"""The stored type of values that take no bytes, where there must be one."""
DAY_NANOSECONDS = 86_400_000_000_000
NANOSECONDS: Final = {"time-millis": 1_000_000, "time-micros": 1_000}


@dataclass(frozen=True, slots=True)
class Stored:
    """How values of one type are stored: `schema` is what Polars reads, None if they take no bytes.

    `convert` gives values from what was read, for which `dtype` is the final type. If it is None, they need
    no conversion.
    """

    schema: Json | None
    dtype: pl.DataType
    convert: Convert | None = None

    def of_no_bytes(self, height: int) -> Values:
        """So many values that take no bytes."""
        nulls = pa.nulls(height)
        return nulls if self.convert is None else self.convert(nulls)


class Storing:
    """How the values of one file's types are stored."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._numbers = count()

    def of(self, type_: Type) -> Stored:
        """How values of this type are stored."""
        match type_:
            case Plain(name):
                return Stored(None if name == "null" else name, DTYPES[name])
            case Fixed(_, size_bytes):
                return self._fixed(size_bytes)
            case Enum(_, symbols):
                return Stored("int", pl.String(), _taken_from(symbols))
            case Time(name, plain):
                return _of_time(name, plain)
            case DecimalOf(plain, precision, scale):
                return self._decimal(plain, precision, scale)
            case Text(inner):
                return self._text(inner)
        return self._nested(type_)

    def _nested(self, type_: Type) -> Stored:
        match type_:
            case ArrayOf(items):
                return self._array(items)
            case MapOf(values):
                return self._map(values)
            case Record(_, fields):
                return self.record(dict(fields))
            case Nullable(inner, null_place):
                return self._nullable(inner, null_place)
            case Choice(branches):
                return self._choice(branches)
        raise TypeError(f"values of {type_!r} are text")

    def record(self, fields: Mapping[str, Type]) -> Stored:
        """How records of these fields are stored."""
        found = {name: self.of(one) for name, one in fields.items()}
        members = {name: one.schema for name, one in found.items() if one.schema is not None}
        dtype = pl.Struct({name: one.dtype for name, one in found.items()})
        if len(members) == len(found) and all(one.convert is None for one in found.values()) and found:
            return Stored(self._record_of(members), dtype)

        def convert(records: Values) -> Values:
            return _struct({name: _member(records, name, one) for name, one in found.items()}, records)

        return Stored(self._record_of(members) if members else None, dtype, convert)

    def _record_of(self, members: Mapping[str, Json]) -> Json:
        fields = [{"name": name, "type": schema} for name, schema in members.items()]
        return {"type": "record", "name": self._name(), "fields": fields}

    def _fixed(self, size_bytes: int) -> Stored:
        if not size_bytes:
            return Stored(None, pl.Binary(), lambda nulls: pa.array([b""] * len(nulls), pa.large_binary()))
        if size_bytes > LIMITS.avro.preallocated_fixed_bytes:
            return Stored("bytes", pl.Binary())
        return Stored({"type": "fixed", "name": self._name(), "size": size_bytes}, pl.Binary())

    def _decimal(self, plain: Plain | Fixed, precision: int, scale: int) -> Stored:
        stored = self.of(plain)
        as_stored = stored.convert or (lambda values: values)
        if precision > MAX_DIGITS:
            return Stored(stored.schema, pl.String(), lambda values: texts_of(as_stored(values), scale))
        dtype = pl.Decimal(precision, scale)
        return Stored(stored.schema, dtype, lambda values: decimals_of(as_stored(values), precision, scale))

    def _array(self, items: Type) -> Stored:
        item = _with_bytes(self.of(items))
        schema, dtype = {"type": "array", "items": item.schema}, pl.List(item.dtype)
        return Stored(schema, dtype, None if item.convert is None else _with_items(item.convert))

    def _map(self, values: Type) -> Stored:
        entries = self.of(ArrayOf(Record("", (("key", Plain("string")), ("value", values)))))
        value = entries.dtype.inner.to_schema()["value"]  # type: ignore[attr-defined] # it is a list of structs
        return Stored(entries.schema, pl.Map(pl.String(), value), entries.convert)

    def _nullable(self, inner: Type, null_place: int) -> Stored:
        stored = _with_bytes(self.of(inner))
        schema = [stored.schema, "null"] if null_place else ["null", stored.schema]
        return Stored(schema, stored.dtype, stored.convert)

    def _choice(self, branches: tuple[Type, ...]) -> Stored:
        """A record with a field for each branch that is not null, which is null unless the value is of it."""
        fields = fields_of_choice(branches)
        stored = self.record(fields)
        names = [name for name in fields if name != BRANCH]

        def convert(records: Values) -> Values:
            found = records if stored.convert is None else stored.convert(records)
            parts = [found.field(name) for name in names]
            return parts[0] if len(parts) == 1 else pc.coalesce(*parts)

        return Stored(stored.schema, self.of(fields[names[0]]).dtype, convert)

    def _text(self, inner: Type) -> Stored:
        match inner:
            case ArrayOf() | MapOf() | Record() | Itself():
                schema = self._schema.as_json(inner)
                return Stored("bytes", pl.String(), lambda values: texts_of_encoded(values, schema))
            case Time(_, plain) | DecimalOf(plain, _, _):
                return self._text(plain)
        return _as_text(self.of(inner))

    def _name(self) -> str:
        return f"n{next(self._numbers)}"


def _of_time(name: str, plain: Plain) -> Stored:
    if name == "date":
        return Stored(plain.name, pl.Date(), lambda values: values.view(pa.date32()))
    if name in NANOSECONDS:
        return Stored(plain.name, pl.Time(), lambda values: _times_of_day(values, NANOSECONDS[name]))
    unit = UNITS[name.rpartition("-")[2]]
    zone = None if name.startswith("local-") else "UTC"
    return Stored(plain.name, pl.Datetime(unit, zone), lambda values: values.view(pa.timestamp(unit, zone)))


def _times_of_day(values: Values, factor: int) -> Values:
    """The times; all as text if one is not in a day: Polars would make it null without a word."""
    in_day = pc.and_(
        pc.greater_equal(values, pa.scalar(0)), pc.less(values, pa.scalar(DAY_NANOSECONDS // factor))
    )
    found = pc.multiply(pc.if_else(in_day, values, None).cast(pa.int64()), factor).view(pa.time64("ns"))
    if found.null_count == values.null_count:
        return found
    texts = pl.Series(found).dt.strftime("%H:%M:%S%.9f").to_arrow()
    return pc.coalesce(texts, values.cast(pa.large_string()))


def with_maps(found: pl.DataType, wanted: pl.DataType) -> pl.DataType:
    """The type that was found, with maps where they are wanted: they are read as lists of their entries.

    Other types may differ: values that the wanted type cannot hold are of a wider one, or text.
    """
    if isinstance(wanted, pl.Map) and isinstance(found, pl.List):
        entry = found.inner.to_schema()  # type: ignore[union-attr] # it is a struct
        return pl.Map(pl.String(), with_maps(instance(entry["value"]), instance(wanted.value)))
    if isinstance(wanted, pl.List) and isinstance(found, pl.List):
        return pl.List(with_maps(instance(found.inner), instance(wanted.inner)))
    if isinstance(wanted, pl.Struct) and isinstance(found, pl.Struct):
        types = wanted.to_schema()
        return pl.Struct(
            {one.name: with_maps(instance(one.dtype), instance(types[one.name])) for one in found.fields}
        )
    return found


def _taken_from(symbols: tuple[str, ...]) -> Convert:
    texts = pa.array(symbols, pa.large_string())
    return texts.take


def _with_items(convert: Convert) -> Convert:
    def of_lists(lists: Values) -> Values:
        mask = lists.is_null() if lists.null_count else None
        return pa.LargeListArray.from_arrays(lists.offsets, convert(lists.values), mask=mask)

    return of_lists


def _with_bytes(stored: Stored) -> Stored:
    """The same for values that take bytes, if need be those of a number."""
    if stored.schema is not None:
        return stored

    def convert(placeholders: Values) -> Values:
        is_null = placeholders.is_null().to_numpy(zero_copy_only=False)
        places = pa.array(np.arange(len(placeholders)), mask=is_null)
        return stored.of_no_bytes(len(placeholders)).take(places)

    return Stored(PLACEHOLDER, stored.dtype, convert)


def _member(records: Values, name: str, stored: Stored) -> Values:
    if stored.schema is None:
        return stored.of_no_bytes(len(records))
    values = records.field(name)
    return values if stored.convert is None else stored.convert(values)


def _struct(members: Mapping[str, Values], records: Values) -> Values:
    """Structs of these members, null where the records are."""
    has_nulls = pa.types.is_struct(records.type) and records.null_count
    mask = records.is_null() if has_nulls else None
    if members:
        return pa.StructArray.from_arrays(list(members.values()), list(members), mask=mask)
    return pa.array([{}] * len(records), pa.struct([]))


def _as_text(stored: Stored) -> Stored:
    """The same values as text."""

    def convert(read: Values) -> Values:
        return texts_of_values(read if stored.convert is None else stored.convert(read))

    return Stored(stored.schema, pl.String(), convert)
