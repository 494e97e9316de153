"""Objects whose columns do not go together with those of most others, and why."""

from collections.abc import Mapping

import polars as pl
import pytest

from ingest_project.reading.columns.strangers import strangers

LONG, TEXT = pl.Int64(), pl.String()


@pytest.mark.parametrize(
    ("usual", "odd", "reason"),
    [
        ({"id": LONG}, {"ID": LONG}, "'ID' differs only in case from 'id' of most files"),
        (
            {"v": pl.Struct({"a": LONG})},
            {"v": pl.Struct({"b": LONG, "A": LONG})},
            "'v.A' differs only in case from 'v.a' of most files",
        ),
        ({"v": pl.List(LONG)}, {"v": LONG}, "'v' is a value, and a list in most files"),
        (
            {"v": pl.List(pl.Struct({"x": TEXT}))},
            {"v": pl.List(pl.Struct({"x": pl.Struct({"y": LONG})}))},
            "'v[].x' is a struct, and a value in most files",
        ),
        ({"a": LONG}, {"a.b": LONG}, "'a.b' looks like a field of column 'a' of most files"),
        ({"a.b": LONG}, {"a": LONG}, "'a' is the beginning of names in most files"),
    ],
)
@pytest.mark.parametrize("place", [0, 3])
def test_the_odd_one_of_four_is_found_wherever_it_stands(
    usual: Mapping[str, pl.DataType], odd: Mapping[str, pl.DataType], reason: str, place: int
) -> None:
    schemas: list[Mapping[str, pl.DataType]] = [usual] * 3
    schemas.insert(place, odd)
    found = strangers(schemas, mixes_kinds=False)
    assert list(found) == [place]
    assert found[place].startswith(reason)


def test_of_two_equally_frequent_ways_the_first_counts() -> None:
    assert list(strangers([{"ID": LONG}, {"id": LONG}], mixes_kinds=False)) == [1]


def test_one_that_differs_only_from_another_odd_one_comes_in() -> None:
    usual, odd = {"id": LONG}, {"ID": LONG, "Codes": pl.List(LONG), "a": LONG}

    found = strangers([usual, odd, {"id": LONG, "codes": LONG}, {"a.b": LONG}, usual], mixes_kinds=False)

    assert list(found) == [1]


def test_types_of_values_are_no_kinds() -> None:
    schemas: list[Mapping[str, pl.DataType]] = [
        {"a": LONG},
        {"a": TEXT},
        {"b": pl.Struct({"x": LONG})},
        {"b": pl.Struct({"x": TEXT})},
    ]
    assert strangers(schemas, mixes_kinds=False) == {}


def test_formats_that_read_mixed_kinds_as_text_have_no_strangers_by_kind() -> None:
    assert strangers([{"v": pl.List(LONG)}, {"v": LONG}], mixes_kinds=True) == {}
