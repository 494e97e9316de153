"""Puts together what the sampled objects say of each column: one type, how often it is null, and examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest_project.events.object_version import ObjectVersion
from ingest_project.iceberg.schema import columns_of
from ingest_project.objects.column_names import is_empty
from ingest_project.objects.text import from_text
from ingest_project.objects.types import storable
from ingest_project.preview.dtypes import field_names, has_a_type, merged
from ingest_project.preview.text_types import NUMBER, Suggestion, suggest_for_numbers, suggest_for_text
from ingest_project.preview.values import shown
from ingest_project.settings.model import RESERVED_COLUMNS

EXAMPLES = 3
NAMED_OBJECTS = 3
FEW = 0.01
"""The share of a column's values that may be of another kind without making a column of numbers text."""
FRACTION = r"^-?\d+\.\d+$"
AS_JSON = "as a string it is kept as JSON"


@dataclass(frozen=True, slots=True)
class SampledRows:
    """The rows of one object, and how many of its records could not be read.

    `texts` has those columns of a CSV file as they are written that are numbers.
    """

    object: ObjectVersion
    frame: pl.DataFrame
    texts: pl.DataFrame
    rejected: int = 0
    is_csv: bool = False


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of the sampled objects. `type` is the suggested Iceberg type; None if no value tells one.

    `null_rows` of `rows` are null, those of objects without the column among them; `objects` of `sampled` have it.
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

    @property
    def is_nullable(self) -> bool:
        return self.null_rows > 0


def found_columns(samples: Sequence[SampledRows]) -> tuple[FoundColumn, ...]:
    """All columns, in the order in which the objects bring them."""
    names = dict.fromkeys(name for sample in samples for name in sample.frame.columns)
    lowered = [name.lower() for name in names]
    return tuple(_column(name, samples, clashes=lowered.count(name.lower()) > 1) for name in names)


def _column(name: str, samples: Sequence[SampledRows], *, clashes: bool) -> FoundColumn:
    having = [sample for sample in samples if name in sample.frame.columns]
    rows = sum(sample.frame.height for sample in samples)
    present = sum(sample.frame.height - sample.frame[name].null_count() for sample in having)
    dtype, notes = _merged(name, having)
    inferred, problem = _iceberg_name(dtype)
    suggestion = _suggestion(name, dtype, having)
    notes += [note for note in (suggestion.note, problem, *_name_notes(name, clashes=clashes)) if note]
    return FoundColumn(
        name=name,
        type=suggestion.type or inferred,
        inferred=inferred or str(dtype).lower(),
        null_rows=rows - present,
        rows=rows,
        objects=len(having),
        sampled=len(samples),
        examples=_examples(name, having),
        notes=tuple(notes),
    )


def _merged(name: str, having: Sequence[SampledRows]) -> tuple[pl.DataType, list[str]]:
    dtype: pl.DataType = pl.Null()
    for sample in having:
        both = merged(dtype, storable(sample.frame[name].dtype))
        if both is None:
            return _nearly_all(name, having) or (pl.String(), [_disagreement(name, having)])
        dtype = both
    return dtype, []


def _nearly_all(name: str, having: Sequence[SampledRows]) -> tuple[pl.DataType, list[str]] | None:
    """The type of numbers in CSV that but a few texts are among: these would be bad rows, and the column stays a number."""
    if not all(sample.is_csv for sample in having):
        return None
    numbers: pl.DataType = pl.Null()
    texts: list[pl.Series] = []
    for sample in having:
        if isinstance(sample.frame[name].dtype, pl.String):
            texts.append(sample.frame[name].drop_nulls())
        else:
            numbers = merged(numbers, storable(sample.frame[name].dtype)) or pl.String()
    text = pl.concat(texts)
    if numbers.is_integer() and text.str.contains(FRACTION).any():
        numbers = pl.Float64()
    if not numbers.is_numeric():
        return None
    others = text.filter(from_text(text, numbers).is_null())
    present = sum(sample.frame.height - sample.frame[name].null_count() for sample in having)
    if len(others) > present * FEW:
        return None
    kind = _iceberg_name(numbers)[0]
    return numbers, [
        f"{len(others)} of {present} values are no {kind}, such as {shown(others[0])}: they would be bad rows"
    ]


def _disagreement(name: str, having: Sequence[SampledRows]) -> str:
    """`string in 2 objects (a.csv, ...), long in 3 (b.csv, ...)`, in the order of the objects."""
    objects: dict[str, list[str]] = {}
    for sample in having:
        dtype = storable(sample.frame[name].dtype)
        if not isinstance(dtype, pl.Null):
            objects.setdefault(_iceberg_name(dtype)[0] or str(dtype), []).append(sample.object.key)
    parts = [
        f"{kind} in {', '.join(keys[:NAMED_OBJECTS])}{' and more' if len(keys) > NAMED_OBJECTS else ''}"
        for kind, keys in objects.items()
    ]
    return f"the objects disagree: {'; '.join(parts)}"


def _iceberg_name(dtype: pl.DataType) -> tuple[str | None, str | None]:
    """The Iceberg type, and a reason why there is none, or why it is but text."""
    if is_empty(dtype):
        return None, "only nulls or empty values were seen, so it has no type yet"
    if not has_a_type(dtype):
        return "string", f"a part of it was always empty, so that it has no type yet; {AS_JSON}"
    if not all(name.isprintable() for name in field_names(dtype)):
        return "string", f"a field in it has a control character in its name; {AS_JSON}"
    try:
        (type_name,) = columns_of(pl.DataFrame(schema={"c": dtype}).to_arrow().schema).values()
    except ValueError as error:
        return None, f"{str(error).partition(';')[0]}; Iceberg has no such type"
    return type_name, None


def _suggestion(name: str, dtype: pl.DataType, having: Sequence[SampledRows]) -> Suggestion:
    if isinstance(dtype, pl.String):
        texts = [
            sample.texts[name] if name in sample.texts.columns else sample.frame[name]
            for sample in having
            if sample.frame[name].dtype == pl.String or name in sample.texts.columns
        ]
        known = all(text.dtype == pl.String for text in texts) and len(texts) == _typed(name, having)
        return suggest_for_text(pl.concat(texts)) if texts and known else Suggestion()
    if dtype.is_numeric():
        values = pl.concat([sample.frame[name].cast(pl.Float64, strict=False) for sample in having])
        written = [
            _written(sample, name) for sample in having if name in sample.texts.columns or sample.is_csv
        ]
        text = pl.concat(written) if written and len(written) == _typed(name, having) else None
        numbers = values if dtype.is_float() else values.cast(pl.Int64, strict=False)
        return suggest_for_numbers(name, numbers, text)
    return Suggestion()


def _written(sample: SampledRows, name: str) -> pl.Series:
    """The numbers of a CSV column as they are written."""
    text = sample.texts[name] if name in sample.texts.columns else sample.frame[name].cast(pl.String)
    return text.filter(text.str.contains(NUMBER))


def _typed(name: str, having: Sequence[SampledRows]) -> int:
    return sum(not isinstance(sample.frame[name].dtype, pl.Null) for sample in having)


def _name_notes(name: str, *, clashes: bool) -> list[str]:
    notes = []
    if clashes:
        notes.append("another column has this name in other case, which engines fold")
    if name.lower() in RESERVED_COLUMNS:
        notes.append("the ingest itself writes a column of this name; rename it by `from`")
    if not name.isprintable() or not name.strip():
        notes.append("the name holds characters that nobody can see; rename it by `from`")
    return notes


def _examples(name: str, having: Sequence[SampledRows]) -> tuple[str, ...]:
    """The first different values, taken from one object after the other."""
    found: dict[str, None] = {}
    for sample in having:
        values = sample.frame[name].drop_nulls().head(200).to_list()
        for value in values:
            if len(found) == EXAMPLES:
                return tuple(found)
            found.setdefault(shown(value))
            if len(found) > having.index(sample) and len(having) >= EXAMPLES:
                break
    return tuple(found)
