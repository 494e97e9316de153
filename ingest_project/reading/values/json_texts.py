"""Takes JSON texts apart with msgspec, many at once; what is taken out is JSON text again.

Each text is one JSON value as a file has it, so numbers keep their digits until they meet their type.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.values.nested import spread

NOT_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises for text that is not JSON, or is nested more deeply than it goes."""
STRINGS = msgspec.json.Decoder(list[str])
ARRAY_PARTS = msgspec.json.Decoder(list[msgspec.Raw])
ARRAYS = msgspec.json.Decoder(list[list[msgspec.Raw]])
OBJECTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
VALUE = msgspec.json.Decoder(msgspec.Raw)
ABSENT = msgspec.Raw()
"""What stands for a value that an object lacks; its text is empty."""
NULL = b"null"
STRING, OBJECT, ARRAY = '"', "{", "["
"""How the texts of these values begin."""


def raw_texts(values: Iterable[msgspec.Raw | bytes], name: str = "") -> pl.Series:
    """The JSON texts that msgspec has left as `Raw`; null for JSON's null, and where there is no value."""
    found = values if isinstance(values, list) else list(values)
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    data = b"".join(found)
    nothing = lengths == 0
    as_long_as_null = np.flatnonzero(lengths == len(NULL))
    nothing[as_long_as_null] = np.frombuffer(data, np.uint8)[ends[as_long_as_null]] == NULL[0]
    validity = pa.py_buffer(np.packbits(~nothing, bitorder="little").data) if nothing.any() else None
    texts = pa.LargeStringArray.from_buffers(
        len(found), pa.py_buffer(ends.data), pa.py_buffer(data), validity
    )
    return pl.Series(name, texts)


def valid_texts(text: pl.Series) -> pl.Series:
    """The texts that are one JSON value each, without whitespace around; null for others, and for `null`."""
    return by_slices(text, _valid_texts)


def _valid_texts(text: pl.Series) -> pl.Series:
    try:
        found = list(map(bytes, VALUE.decode_lines(_joined(text.drop_nulls(), "\n"))))
    except NOT_JSON:
        found = []
    values = text.drop_nulls().str.strip_chars(" \t\r\n").cast(pl.Binary())
    if len(found) == len(values) and found == values.to_list():
        return spread(raw_texts(found), text.is_not_null()).alias(text.name)
    return raw_texts(map(_value_of, text), text.name)


def _value_of(text: str | None) -> msgspec.Raw:
    try:
        return ABSENT if text is None else VALUE.decode(text)
    except NOT_JSON:
        return ABSENT


def by_slices(text: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What is read of the texts, some MB at a time: Python's objects take many times their room."""
    found = [read(one) for one in slices(text)]
    return found[0] if len(found) == 1 else pl.concat(found).alias(text.name)


def slices(text: pl.Series) -> Iterator[pl.Series]:
    """The texts in slices of some MB, at least one."""
    size_bytes = max(int(text.str.len_bytes().sum() or 0), 1)
    rows = max(len(text) * LIMITS.json.part_bytes // size_bytes, 1)
    for start in range(0, max(len(text), 1), rows):
        yield text.slice(start, rows)


def unquoted(raw: pl.Series) -> pl.Series:
    """JSON's strings as they are, and the texts of all other values."""
    is_string = raw.str.starts_with(STRING)
    if not is_string.any():
        return raw
    inner = raw.str.strip_prefix(STRING).str.strip_suffix(STRING)
    text = pl.select(pl.when(is_string).then(inner).otherwise(raw)).to_series().alias(raw.name)
    has_escape = is_string & raw.str.contains("\\", literal=True)
    if not has_escape.any():
        return text
    places = has_escape.arg_true()
    return text.scatter(places, by_slices(raw.gather(places), _decoded_strings))


def _decoded_strings(raw: pl.Series) -> pl.Series:
    return pl.Series(STRINGS.decode(array_text(raw)), dtype=pl.String())


def parts_of(array: str) -> pl.Series:
    """The texts of the elements of one JSON array. Raises an exception of NOT_JSON.

    It takes less time to encode many values at once and to take them apart than to encode each.
    """
    return raw_texts(ARRAY_PARTS.decode(array))


def arrays_of(raw: pl.Series) -> list[list[msgspec.Raw]]:
    """The elements of each of these texts, all of which must be arrays."""
    return ARRAYS.decode(array_text(raw))


def objects_of(raw: pl.Series) -> list[dict[str, msgspec.Raw]]:
    """The fields of each of these texts, all of which must be objects."""
    return OBJECTS.decode(array_text(raw))


def fields_of(raw: pl.Series, names: Sequence[str]) -> list[pl.Series]:
    """The texts of these fields of each object; null for what is not an object."""
    is_object = raw.str.starts_with(OBJECT)
    parts: list[list[pl.Series]] = [[] for _ in names]
    for some in slices(raw.filter(is_object)):
        objects = objects_of(some)
        for name, part in zip(names, parts, strict=True):
            part.append(raw_texts(one.get(name, ABSENT) for one in objects))
    return [spread(pl.concat(part), is_object).alias(raw.name) for part in parts]


def below(raw: pl.Series, path: Sequence[str]) -> pl.Series:
    """The texts of the values under this path of names, null where there is none."""
    for name in path:
        (raw,) = fields_of(raw, [name])
    return raw


def array_text(raw: pl.Series) -> bytes:
    """One JSON array of these texts."""
    return b"[" + _joined(raw, ",").encode() + b"]"


def _joined(text: pl.Series, separator: str) -> str:
    """One text of these, none of which is null; Polars joins them much faster than Python takes them out."""
    return str(text.str.join(separator)[0])
