"""New columns that a table cannot have: told of the object that brings them, before a commit would fail for all."""

import re

import polars as pl
import pytest

from ingest_project.errors import SchemaMismatch
from ingest_project.objects.columns import fit_columns


@pytest.mark.parametrize("value", [[], {}, [{}], {"y": []}, {"y": None}])
def test_new_column_that_says_nothing_of_its_type_is_left_out(value: object) -> None:
    fitted = fit_columns(
        pl.DataFrame({"id": [1], "x": [value]}), {"id": "long"}, uri="s3://b/k", allow_new_columns=True
    )

    assert fitted.columns == ["id"]


@pytest.mark.parametrize(
    ("row", "named"),
    [({"a": {"b": 1}, "a.b": 2}, "a.b"), ({"n\x00m": 1}, "n\\x00m"), ({"x": {"y": [], "z": 1}}, "x")],
)
def test_new_column_that_no_table_can_have_is_refused_before_it_stops_the_batch(
    row: dict[str, object], named: str
) -> None:
    with pytest.raises(SchemaMismatch, match=re.escape(f"column '{named}'")):
        fit_columns(pl.DataFrame([row]), None, uri="s3://b/k", allow_new_columns=True)
