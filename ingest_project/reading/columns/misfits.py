"""Says which part of a nested value is not valid for its column's type: the reason of a bad row names it."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest_project.reading.columns.sources import Source
from ingest_project.reading.values.cast_exactly import cast_exactly
from ingest_project.reading.values.json_texts import fields_of
from ingest_project.reading.values.json_values import from_json
from ingest_project.settings.type_grammar import ColumnType, StructOf, parse_column_type


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value as a message shows it, its path from the column on, and the type for which it is not valid."""

    path: str
    example: str
    type: str

    def __str__(self) -> str:
        where = f" in {self.path!r}" if "." in self.path else ""
        return f"{self.example}{where} is not a valid {self.type}"


def misfits(source: Source, type_name: str, column: str) -> list[Misfit]:
    """The first misfit in each of these values, none of which is valid for the column's type.

    A part is looked for in objects only: a list or a map is shown as a whole.
    """
    return _misfits(source, parse_column_type(type_name), column)


def _misfits(source: Source, wanted: ColumnType, path: str) -> list[Misfit]:
    found: dict[int, Misfit] = {}
    fields = dict(wanted.fields) if isinstance(wanted, StructOf) else {}
    for name, part in _parts(source, list(fields)).items():
        lost = _lost(part, fields[name])
        inner = _misfits(Source(part.values.filter(lost), part.is_json), fields[name], f"{path}.{name}")
        for row, misfit in zip(lost.arg_true().to_list(), inner, strict=True):
            found.setdefault(row, misfit)
    return [
        found.get(row) or Misfit(path, source.example_at(row), str(wanted))
        for row in range(len(source.values))
    ]


def _parts(source: Source, names: Sequence[str]) -> dict[str, Source]:
    """The values of those of these fields that the objects have."""
    values = source.values
    if source.is_json:
        texts = zip(names, fields_of(values, names), strict=True)
        return {name: Source(text, is_json=True) for name, text in texts}
    frame = values.struct.unnest() if isinstance(values.dtype, pl.Struct) else pl.DataFrame()
    return {name: Source(part) for name, part in frame.to_dict().items() if name in names}


def _lost(source: Source, wanted: ColumnType) -> pl.Series:
    typed = from_json(source.values, wanted) if source.is_json else cast_exactly(source.values, wanted)
    return source.values.is_not_null() if typed is None else source.values.is_not_null() & typed.is_null()
