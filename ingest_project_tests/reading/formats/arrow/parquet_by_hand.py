"""Writes small Parquet files of one column that no writer at hand writes.

Pages are plain and not compressed; https://github.com/apache/parquet-format has the layout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OPTIONAL, REPEATED, REQUIRED = 1, 2, 0
INT32, INT64, INT96, BYTES = 1, 2, 3, 6
UTF8, MAP, MAP_KEY_VALUE = 0, 1, 2
ENUM, BINARY, STRUCT, LIST = 5, 8, 12, 9


@dataclass(frozen=True)
class Struct:
    """A struct of Thrift: fields by number."""

    fields: Mapping[int, Any]


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def compact(value: Any) -> tuple[int, bytes]:
    """The type and the bytes of a value in Thrift's compact protocol."""
    match value:
        case int():
            return 6, varint(value << 1 if value >= 0 else (-value << 1) - 1)
        case str() | bytes():
            raw = value.encode() if isinstance(value, str) else value
            return BINARY, varint(len(raw)) + raw
        case list():
            kinds = [compact(one) for one in value]
            return LIST, bytes([min(len(kinds), 15) << 4 | kinds[0][0]]) + (
                varint(len(kinds)) if len(kinds) > 14 else b""
            ) + b"".join(raw for _, raw in kinds)
        case Struct(fields):
            found, last = b"", 0
            for number, one in sorted(fields.items()):
                kind, raw = compact(one)
                kind = ENUM if isinstance(one, int) and not isinstance(one, Wide) else kind
                found += bytes([(number - last) << 4 | kind]) + raw
                last = number
            return STRUCT, found + b"\0"
    raise TypeError(value)


class Wide(int):
    """An i64."""


@dataclass(frozen=True)
class Leaf:
    """A column of the file: its path, physical type, levels and values as they are encoded."""

    path: Sequence[str]
    kind: int
    max_definition: int
    max_repetition: int
    levels: Sequence[tuple[int, int]]
    """The repetition and definition level of each value or null."""
    values: Sequence[bytes]


def _levels(levels: Sequence[int], highest: int) -> bytes:
    """Levels as runs of one."""
    if not highest:
        return b""
    raw = b"".join(bytes([1 << 1, level]) for level in levels)
    return len(raw).to_bytes(4, "little") + raw


def parquet(schema: Sequence[Struct], rows: int, leaves: Sequence[Leaf]) -> bytes:
    """A file of these SchemaElements below the root, and of these columns."""
    body, chunks = b"PAR1", []
    for leaf in leaves:
        data = _levels([one for one, _ in leaf.levels], leaf.max_repetition)
        data += _levels([one for _, one in leaf.levels], leaf.max_definition) + b"".join(leaf.values)
        head = Struct({1: 0, 2: len(data), 3: len(data), 5: Struct({1: len(leaf.levels), 2: 0, 3: 3, 4: 3})})
        page, start = compact(head)[1] + data, len(body)
        body += page
        meta = Struct(
            {
                1: leaf.kind, 2: [0, 3], 3: [*leaf.path], 4: 0, 5: Wide(len(leaf.levels)),
                6: Wide(len(page)), 7: Wide(len(page)), 9: Wide(start),
            }
        )  # fmt: skip
        chunks.append(Struct({2: Wide(start), 3: meta}))
    roots = sum(1 for _ in {leaf.path[0] for leaf in leaves})
    root = Struct({4: "schema", 5: roots})
    group = Struct({1: chunks, 2: Wide(len(body)), 3: Wide(rows)})
    footer = compact(Struct({1: 1, 2: [root, *schema], 3: Wide(rows), 4: [group]}))[1]
    return body + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(4, "little") + raw


def maps(rows: Sequence[Sequence[tuple[str | None, int | None]] | None], **names: Any) -> bytes:
    """A file with an optional map `m` whose keys are optional. Names: of the repeated group, and its type."""
    levels: list[tuple[int, int, int]] = []
    for row in rows:
        if not row:
            levels.append((0, 0 if row is None else 1, 0 if row is None else 1))
            continue
        levels += [
            (int(place > 0), 2 if key is None else 3, 2 if value is None else 3)
            for place, (key, value) in enumerate(row)
        ]
    entries = [entry for row in rows for entry in row or ()]
    group, kind = names.get("group", "key_value"), names.get("kind", {})
    schema = [
        Struct({3: OPTIONAL, 4: "m", 5: 1, **names.get("of_map", {6: MAP})}),
        Struct({3: REPEATED, 4: group, 5: 2, **kind}),
        Struct({1: BYTES, 3: OPTIONAL, 4: "key", 6: UTF8}),
        Struct({1: INT64, 3: OPTIONAL, 4: "value"}),
    ]
    keys = Leaf(
        ["m", group, "key"], BYTES, 3, 1, [(repeat, of_key) for repeat, of_key, _ in levels],
        [text(key) for key, _ in entries if key is not None],
    )  # fmt: skip
    values = Leaf(
        ["m", group, "value"], INT64, 3, 1, [(repeat, of_value) for repeat, _, of_value in levels],
        [value.to_bytes(8, "little", signed=True) for _, value in entries if value is not None],
    )  # fmt: skip
    return parquet(schema, len(rows), [keys, values])
