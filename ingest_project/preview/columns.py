"""Combines what the sampled objects say of each column: one type, how often it is null, and examples."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass

import polars as pl

from ingest_project.preview.disagreement import agreed
from ingest_project.preview.dtypes import merged
from ingest_project.preview.iceberg_types import Remedy, iceberg_type, kind_of
from ingest_project.preview.sampled_rows import SampledRows
from ingest_project.preview.text_types import (
    LEADING_ZERO,
    NUMBER,
    Suggestion,
    suggest_for_numbers,
    suggest_for_text,
)
from ingest_project.preview.values import shown
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.values.text import from_text, nothing_as_null
from ingest_project.reading.values.types import storable
from ingest_project.settings.model import RESERVED_COLUMNS

EXAMPLES = 3
LOOKED_AT = 200
"""Rows of an object in which examples are looked for."""
NAMED_OBJECTS = 3
FEW = 0.01
"""The share of a column's values that may be texts while the column is still one of numbers."""
FRACTION = r"^-?\d+\.\d+$"


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of the sampled objects. `type` is the suggested Iceberg type; None if no value tells it.

    `null_rows` of `rows` are null, including those of objects without the column, which `objects` of
    `sampled` have. `remedy` is what an entry needs beside the type so that the rows can be ingested.
    """

    name: str
    type: str | None
    inferred: str
    null_rows: int
    rows: int
    objects: int
    sampled: int
    examples: tuple[str, ...]
    notes: tuple[str, ...]
    remedy: Remedy | None = None

    @property
    def is_nullable(self) -> bool:
        return self.null_rows > 0


def found_columns(samples: Sequence[SampledRows]) -> tuple[FoundColumn, ...]:
    """All columns, in the order in which the objects bring them."""
    names = dict.fromkeys(name for sample in samples for name in sample.frame.columns)
    lowered = Counter(name.lower() for name in names)
    return tuple(
        _column(name, samples, _name_notes(name, names, clashes=lowered[name.lower()] > 1)) for name in names
    )


def _column(name: str, samples: Sequence[SampledRows], name_notes: Sequence[str]) -> FoundColumn:
    having = [sample for sample in samples if name in sample.frame.columns]
    rows = sum(sample.frame.height for sample in samples)
    dtype, notes, remedy = _merged(name, having)
    found = iceberg_type(dtype, is_columnar=_are_columnar(having))
    suggestion = _suggestion(name, dtype, having)
    is_text = (suggestion.type or found.name) == "string"
    values = [sample.frame[name] if is_text else _spelled(sample, name) for sample in having]
    present = sum(len(one) - one.null_count() for one in values)
    notes += [note for note in (suggestion.note, found.note, *name_notes) if note]
    return FoundColumn(
        name=name,
        type=suggestion.type or found.name,
        inferred=found.name or kind_of(dtype),
        null_rows=rows - present,
        rows=rows,
        objects=len({sample.object for sample in having}),
        sampled=len({sample.object for sample in samples}),
        examples=_examples(name, having),
        notes=tuple(notes),
        remedy=remedy or found.remedy,
    )


def _merged(name: str, having: Sequence[SampledRows]) -> tuple[pl.DataType, list[str], Remedy | None]:
    dtype: pl.DataType = pl.Null()
    for sample in having:
        both = merged(dtype, storable(sample.frame[name].dtype))
        if both is None:
            return _of_different_types(name, having)
        dtype = both
    return dtype, [], None


def _of_different_types(
    name: str, having: Sequence[SampledRows]
) -> tuple[pl.DataType, list[str], Remedy | None]:
    if nearly := _nearly_all(name, having):
        return *nearly, None
    disagreement = _disagreement(name, having)
    if not _are_columnar(having):
        return pl.String(), [disagreement], None
    found = agreed([sample.frame[name] for sample in having])
    if found is None:
        return having[0].frame[name].dtype, [disagreement], None
    return found.dtype, [*([found.note] if found.note else []), disagreement], found.remedy


def _are_columnar(having: Sequence[SampledRows]) -> bool:
    return FORMATS[having[0].format].values == "typed"


def _nearly_all(name: str, having: Sequence[SampledRows]) -> tuple[pl.DataType, list[str]] | None:
    """The type of the numbers of a CSV column with only a few texts, which would be bad rows."""
    if not all(FORMATS[sample.format].values == "text" for sample in having):
        return None
    numbers: pl.DataType = pl.Null()
    texts: list[pl.Series] = []
    for sample in having:
        if isinstance(sample.frame[name].dtype, pl.String):
            texts.append(_spelled(sample, name).drop_nulls())
        else:
            numbers = merged(numbers, storable(sample.frame[name].dtype)) or pl.String()
    text = pl.concat(texts)
    if numbers.is_integer() and text.str.contains(FRACTION).any():
        numbers = pl.Float64()
    if not numbers.is_numeric() or text.str.contains(LEADING_ZERO).any():
        return None
    others = text.filter(from_text(text, numbers).is_null())
    present = sum(sample.frame.height - _spelled(sample, name).null_count() for sample in having)
    if len(others) > present * FEW:
        return None
    if others.is_empty():
        return numbers, []
    kind = iceberg_type(numbers).name
    return numbers, [
        (
            f"{len(others)} of {present} values are not of type {kind}, such as {shown(others[0])}: "
            "they would be bad rows"
        )
    ]


def _disagreement(name: str, having: Sequence[SampledRows]) -> str:
    """`string in 2 objects (a.csv, ...), long in 3 (b.csv, ...)`, in the order of the objects."""
    objects: dict[str, list[str]] = {}
    for sample in having:
        dtype = storable(sample.frame[name].dtype)
        if not isinstance(dtype, pl.Null):
            kind = iceberg_type(dtype).name or kind_of(dtype)
            objects.setdefault(kind, []).append(sample.name)
    parts = [
        f"{kind} in {', '.join(keys[:NAMED_OBJECTS])}{' and more' if len(keys) > NAMED_OBJECTS else ''}"
        for kind, keys in objects.items()
    ]
    return f"the objects disagree: {'; '.join(parts)}"


def _suggestion(name: str, dtype: pl.DataType, having: Sequence[SampledRows]) -> Suggestion:
    if isinstance(dtype, pl.String):
        texts = [
            sample.numerals[name] if name in sample.numerals.columns else _spelled(sample, name)
            for sample in having
            if sample.frame[name].dtype == pl.String or name in sample.numerals.columns
        ]
        known = all(text.dtype == pl.String for text in texts) and len(texts) == _typed(name, having)
        return suggest_for_text(pl.concat(texts)) if texts and known else Suggestion()
    if dtype.is_numeric():
        values = pl.concat([sample.frame[name].cast(pl.Float64, strict=False) for sample in having])
        written = [
            _written(sample, name)
            for sample in having
            if name in sample.numerals.columns or FORMATS[sample.format].values == "text"
        ]
        text = pl.concat(written) if written and len(written) == _typed(name, having) else None
        numbers = values if dtype.is_float() else values.cast(pl.Int64, strict=False)
        return suggest_for_numbers(name, numbers, text)
    return Suggestion()


def _spelled(sample: SampledRows, name: str) -> pl.Series:
    """The values of a column; null where CSV has `""`, which can only be a text."""
    values = sample.frame[name]
    is_text = FORMATS[sample.format].values == "text" and values.dtype == pl.String()
    return nothing_as_null(values) if is_text else values


def _written(sample: SampledRows, name: str) -> pl.Series:
    """The numbers of a CSV column as they are written."""
    text = sample.numerals[name] if name in sample.numerals.columns else sample.frame[name].cast(pl.String)
    return text.filter(text.str.contains(NUMBER))


def _typed(name: str, having: Sequence[SampledRows]) -> int:
    return sum(not isinstance(sample.frame[name].dtype, pl.Null) for sample in having)


def _name_notes(name: str, names: Container[str], *, clashes: bool) -> list[str]:
    notes = []
    first, dot, rest = name.partition(".")
    if dot and first in names:
        notes.append(f"where a row lacks this field, `from` finds {rest} within {first}")
    if clashes:
        notes.append(
            "another column has this name in other case, which engines ignore; "
            "case_insensitive: true makes one column of both"
        )
    if name.lower() in RESERVED_COLUMNS:
        notes.append("the ingest itself writes a column of this name, so the field gets another")
    if not name.isprintable() or not name.strip():
        notes.append("the name is blank or has invisible characters, so the field gets another")
    return notes


def _examples(name: str, having: Sequence[SampledRows]) -> tuple[str, ...]:
    """The first different values, taken from one object after the other."""
    found: dict[str, None] = {}
    for place, sample in enumerate(having):
        values = [one for one in sample.first(name, LOOKED_AT).drop_nulls().to_list() if one != ""]
        for value in values:
            if len(found) == EXAMPLES:
                return tuple(found)
            found.setdefault(shown(value))
            if len(found) > place and len(having) >= EXAMPLES:
                break
    return tuple(found)
