"""Avro files of random types and values, encoded as the specification says, and how they must be read.

The encoder makes what other writers rarely make: arrays and maps of several blocks, with and without their
sizes, numbers that are longer than they need to be, keys that are in a map twice, types that are used again.
"""

import base64
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from ingest_project.reading.formats.avro.container import AvroBlock, AvroHeader, encoded_number
from ingest_project_tests.bench.reading.avro_cliffs import PACKERS

SYNC = bytes(range(16))
LONGS = (0, -1, 1, 63, -64, 64, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
TEXTS = ("", "a", "é", '"quoted"\n', "\0", "x" * 70, "日本")
DOUBLES = (0.0, -0.0, 1.5, 1e300, float("inf"), float("-inf"), float("nan"), 0.1)


@dataclass(frozen=True)
class Value:
    """`encoded` bytes are to be read as `value`; `raw` is the same without logical types, for JSON."""

    encoded: bytes
    value: Any
    raw: Any


@dataclass(frozen=True)
class Kind:
    """A type, and values of it. `is_free` if they may take no bytes."""

    schema: Any
    draw: Callable[[], Value]
    is_free: bool = False


@dataclass
class Types:
    """Makes types, each named once and sometimes used again."""

    rng: Random
    named: list[tuple[str, Kind]] = field(default_factory=list)

    def any(self, depth: int = 3) -> Kind:
        """Any type."""
        if self.named and self.rng.random() < 0.1:
            name, kind = self.rng.choice(self.named)
            return Kind(name, kind.draw, kind.is_free)
        simple = [self.plain, self.number, self.enum, self.fixed, self.decimal, self.time, self.nullable]
        nested = [self.array, self.map, self.record, self.choice, self.nullable]
        return self.rng.choice(nested if depth and self.rng.random() < 0.5 else simple)(depth - 1)

    def _name(self) -> str:
        return self.rng.choice(["m.", "n."]) + f"T{self.rng.getrandbits(40)}"

    def _define(self, schema: dict[str, Any], kind: Kind) -> Kind:
        self.named.append((schema["name"], kind))
        return kind

    def plain(self, _: int) -> Kind:
        rng = self.rng
        match rng.choice(["null", "boolean", "float", "double", "string", "bytes"]):
            case "null":
                return Kind("null", lambda: Value(b"", None, None), is_free=True)
            case "boolean":
                return Kind("boolean", lambda: _same(*rng.choice([(b"\0", False), (b"\1", True)])))
            case "float":
                return Kind("float", lambda: _packed("<f", rng.choice([1.5, -0.0, float("nan"), 0.1])))
            case "double":
                return Kind("double", lambda: _packed("<d", rng.choice(DOUBLES)))
            case "string":
                return Kind("string", lambda: self._text(rng.choice(TEXTS)))
        return Kind("bytes", lambda: self._bytes(rng.randbytes(rng.choice([0, 1, 5, 80]))))

    def _text(self, text: str) -> Value:
        return _same(self._bytes(text.encode()).encoded, text)

    def _bytes(self, data: bytes) -> Value:
        return _same(self._number(len(data)) + data, data)

    def _number(self, value: int) -> bytes:
        """The number, now and then longer than it needs to be."""
        found = encoded_number(value)
        if len(found) < 9 and self.rng.random() < 0.05:
            return found[:-1] + bytes([found[-1] | 0x80, 0])
        return found

    def number(self, _: int) -> Kind:
        name, bits = self.rng.choice([("int", 31), ("long", 63)])
        values = [one for one in LONGS if -(2**bits) <= one < 2**bits]

        def draw() -> Value:
            value = self.rng.choice([*values, self.rng.randrange(-1000, 1000)])
            return _same(self._number(value), value)

        return Kind(name if self.rng.random() < 0.7 else {"type": name, "logicalType": "zip-code"}, draw)

    def enum(self, _: int) -> Kind:
        symbols = [f"S{one}" for one in range(self.rng.choice([1, 3, 100]))]

        def draw() -> Value:
            place = self.rng.randrange(len(symbols))
            return _same(self._number(place), symbols[place])

        schema = {"type": "enum", "name": self._name(), "symbols": symbols, "default": "S0"}
        return self._define(schema, Kind(schema, draw))

    def fixed(self, _: int) -> Kind:
        size = self.rng.choice([0, 1, 12, 16, 100, 2000])

        def draw() -> Value:
            data = self.rng.randbytes(size)
            return _same(data, data)

        schema = {"type": "fixed", "name": self._name(), "size": size, "logicalType": "duration"}
        return self._define(schema, Kind(schema, draw, is_free=not size))

    def decimal(self, _: int) -> Kind:
        rng = self.rng
        precision = rng.choice([1, 9, 18, 38, 50])
        scale = rng.choice([0, 1, precision // 2, precision])
        fewest = ((10**precision).bit_length() + 8) // 8
        size = fewest + rng.choice([0, 0, 3])
        is_fixed = rng.random() < 0.5

        def draw() -> Value:
            most = 10 ** rng.choice([precision, max(1, precision // 2)]) - 1
            unscaled = rng.choice([0, 1, -1, most, -most, rng.randint(-most, most)])
            bits = (unscaled if unscaled >= 0 else ~unscaled).bit_length()
            data = unscaled.to_bytes(
                size if is_fixed else bits // 8 + 1 + rng.choice([0, 0, 2]), "big", signed=True
            )
            if not unscaled and not is_fixed and rng.random() < 0.3:
                data = b""
            value = Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale))
            encoded = data if is_fixed else self._bytes(data).encoded
            return Value(encoded, format(value, "f") if precision > 38 else value, data)

        logical = {"logicalType": "decimal", "precision": precision, "scale": scale}
        if not is_fixed:
            return Kind({"type": "bytes", **logical}, draw)
        schema = {"type": "fixed", "name": self._name(), "size": size, **logical}
        return self._define(schema, Kind(schema, draw))

    def time(self, _: int) -> Kind:
        rng = self.rng
        name, stored, bound = rng.choice(TIMES)

        def draw() -> Value:
            value = rng.choice(
                [0, rng.randrange(bound), bound - 1, *((-1, -bound) if "stamp" in name else ())]
            )
            return Value(self._number(value), Physical(name, value), value)

        return Kind({"type": stored, "logicalType": name}, draw)

    def nullable(self, depth: int) -> Kind:
        inner = self._no_union(depth)
        if inner.schema == "null":
            return inner
        null_place = self.rng.randrange(2)

        def draw() -> Value:
            if self.rng.random() < 0.3:
                return Value(encoded_number(null_place), None, None)
            one = inner.draw()
            return Value(encoded_number(1 - null_place) + one.encoded, one.value, one.raw)

        return Kind([inner.schema, "null"] if null_place else ["null", inner.schema], draw)

    def _no_union(self, depth: int) -> Kind:
        while isinstance((found := self.any(depth)).schema, list):
            pass
        return found

    def choice(self, depth: int) -> Kind:
        kinds: dict[str, Kind] = {}
        for _ in range(self.rng.choice([1, 2, 3, 5])):
            kind = self._no_union(max(depth, 0))
            kinds.setdefault(_name_in_union(kind.schema), kind)
        branches = list(kinds.values())
        others = sum(kind.schema != "null" for kind in branches)

        def draw() -> Value:
            place = self.rng.randrange(len(branches))
            one = branches[place].draw()
            value = one.value if others < 2 else text_of(one.raw)
            return Value(encoded_number(place) + one.encoded, value, one.raw)

        return Kind([kind.schema for kind in branches], draw)

    def array(self, depth: int) -> Kind:
        while (items := self.any(depth)).is_free:
            pass

        def draw() -> Value:
            drawn = [items.draw() for _ in range(self.rng.choice([0, 1, 2, 5]))]
            return Value(self._blocks([one.encoded for one in drawn]), [one.value for one in drawn],
                         [one.raw for one in drawn])  # fmt: skip

        return Kind({"type": "array", "items": items.schema}, draw)

    def map(self, depth: int) -> Kind:
        values = self.any(depth)

        def draw() -> Value:
            drawn = [(self.rng.choice(TEXTS), values.draw()) for _ in range(self.rng.choice([0, 1, 2, 5]))]
            encoded = self._blocks([self._text(key).encoded + one.encoded for key, one in drawn])
            return Value(
                encoded, {key: one.value for key, one in drawn}, {key: one.raw for key, one in drawn}
            )

        return Kind({"type": "map", "values": values.schema}, draw)

    def _blocks(self, items: Sequence[bytes]) -> bytes:
        """The items in some blocks, with or without their sizes."""
        found, left = b"", list(items)
        while left:
            count = self.rng.randint(1, len(left))
            block, left = b"".join(left[:count]), left[count:]
            has_size = self.rng.random() < 0.5
            found += (
                self._number(-count) + self._number(len(block)) if has_size else self._number(count)
            ) + block
        return found + b"\0"

    def record(self, depth: int, fields: int | None = None) -> Kind:
        schema: dict[str, Any] = {"type": self.rng.choice(["record", "error"]), "name": self._name()}
        count = self.rng.choice([1, 2, 4]) if fields is None else fields
        kinds = {f"f{place}": self.any(depth) for place in range(count)}
        schema["fields"] = [{"name": name, "type": kind.schema, "doc": ""} for name, kind in kinds.items()]

        def draw() -> Value:
            drawn = {name: kind.draw() for name, kind in kinds.items()}
            return Value(
                b"".join(one.encoded for one in drawn.values()),
                {name: one.value for name, one in drawn.items()},
                {name: one.raw for name, one in drawn.items()},
            )

        return self._define(schema, Kind(schema, draw, is_free=all(kind.is_free for kind in kinds.values())))


@dataclass(frozen=True)
class Physical:
    """A time as the number that its file has."""

    name: str
    value: int


DAY = 86_400_000
TIMES = (
    ("date", "int", 2_900_000), ("time-millis", "int", DAY), ("time-micros", "long", DAY * 1000),
    *(
        (f"{kind}-{unit}", "long", 2**57)
        for kind in ("timestamp", "local-timestamp") for unit in ("millis", "micros", "nanos")
    ),
)  # fmt: skip


def _same(encoded: bytes, value: Any) -> Value:
    return Value(encoded, value, value)


def _packed(form: str, value: float) -> Value:
    encoded = struct.pack(form, value)
    return _same(encoded, struct.unpack(form, encoded)[0])


def _name_in_union(schema: Any) -> str:
    """What must differ between the types of a union."""
    if isinstance(schema, dict):
        return str(schema.get("name", schema["type"]))
    return str(schema)


def text_of(raw: Any) -> str | None:
    """The text of a value of a union of several types."""
    if raw is None or isinstance(raw, str):
        return raw
    if isinstance(raw, bytes):
        return base64.b64encode(raw).decode()
    return json.dumps(raw, ensure_ascii=False, default=text_of)


def _defined(schema: Any, named: dict[str, Kind], known: set[str]) -> Any:
    """The schema with a definition where a name is first used, and the name alone elsewhere."""
    if isinstance(schema, str):
        return (
            _defined(named[schema].schema, named, known)
            if schema in named and schema not in known
            else schema
        )
    if isinstance(schema, list):
        return [_defined(one, named, known) for one in schema]
    if (name := schema.get("name")) in known:
        return name
    known |= {name} if name else set()
    found = {key: schema[key] for key in schema}
    for key in {"items", "values"} & schema.keys():
        found[key] = _defined(schema[key], named, known)
    if "fields" in schema:
        found["fields"] = [one | {"type": _defined(one["type"], named, known)} for one in schema["fields"]]
    return found


def random_file(rng: Random) -> tuple[bytes, list[dict[str, Any]]]:
    """A file, and the rows that it must be read as; times are Physical."""
    types = Types(rng)
    record = types.record(3, fields=rng.choice([1, 2, 3, 5]))
    rows = [record.draw() for _ in range(rng.choice([0, 1, 7, 40]))]
    codec = rng.choice(list(PACKERS))
    found = AvroHeader(_defined(record.schema, dict(types.named), set()), codec, SYNC).encoded()
    left = rows
    while left:
        count = rng.randint(1, len(left))
        data = PACKERS[codec](b"".join(one.encoded for one in left[:count]))
        found += AvroBlock(count, data).encoded(SYNC)
        left = left[count:]
    return found, [one.value for one in rows]
