"""Gives each column of a frame the spelling that counts, and merges columns of one name."""

from collections.abc import Iterable

import polars as pl

from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.values.example import example_of
from ingest_project.reading.values.stacking import stacked
from ingest_project.reading.values.text import nothing_as_null


def respelled(
    frame: pl.DataFrame, spelling: Spelling | None, *, uri: str, nothing_is_null: bool = False
) -> tuple[pl.DataFrame, RowFaults]:
    """The frame with one column for each name, and a fault for each row with two values of one name.

    With `nothing_is_null` an empty text does not count as a value beside another, as in CSV. Raises
    SchemaMismatch if the columns of one name have types without a common type.
    """
    faults = RowFaults()
    if spelling is None:
        return frame, faults
    groups: dict[str, list[str]] = {}
    for name in frame.columns:
        groups.setdefault(spelling.of(name), []).append(name)
    if all(names == [name] for name, names in groups.items()):
        return frame, faults
    columns = [
        frame[names[0]].alias(name)
        if len(names) == 1
        else _together([frame[one] for one in names], name, faults, uri, nothing_is_null=nothing_is_null)
        for name, names in groups.items()
    ]
    return pl.DataFrame(columns), faults


def two_values(names: Iterable[str]) -> str:
    """The reason of a row that has a value in each of these fields."""
    both = " and ".join(example_of(name) for name in names)
    return f"it has values in the fields {both}, which are one column (case_insensitive: true)"


def _together(
    spelled: list[pl.Series], name: str, faults: RowFaults, uri: str, *, nothing_is_null: bool
) -> pl.Series:
    """The values of these fields as one column, by the rules for columns of several files."""
    height = len(spelled[0])
    values = stacked([one.alias(name).to_frame() for one in spelled], uri)[name]
    parts = [values.slice(place * height, height) for place in range(len(spelled))]
    is_text = nothing_is_null and values.dtype == pl.String()
    told = [nothing_as_null(one) for one in parts] if is_text else parts
    present = pl.DataFrame([one.is_not_null().alias(f"{place}") for place, one in enumerate(told)])
    faults.add(
        present.sum_horizontal() > 1,
        name,
        lambda row: two_values(
            one.name for one, has_value in zip(spelled, present.row(row), strict=True) if has_value
        ),
    )
    return pl.select(pl.coalesce(*told, *parts)).to_series().alias(name)
