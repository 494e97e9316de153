"""Columns that have no Iceberg type, or whose parts have none yet."""

from datetime import timedelta

from ingest_project_tests.preview.factories import Bucket, column, ndjson, parquet


def test_column_that_iceberg_has_no_type_for_is_passed_over(bucket: Bucket) -> None:
    bucket.put(
        "x/a.parquet", parquet(id=[1], took=[timedelta(seconds=3)], deep=[{"took": timedelta(seconds=3)}])
    )

    preview = bucket.preview("x/")

    for name in ("took", "deep"):
        assert (column(preview, name).type, column(preview, name).remedy) == (None, "drop")
        assert column(preview, name).notes == ("Iceberg has no type for duration, so that it is passed over",)


def test_nested_parts_that_were_always_empty_leave_the_others_their_types(bucket: Bucket) -> None:
    row = {"id": "a", "key": None, "list": [], "deep": {"x": 1, "none": {}}, "rows": [{"a": 1, "b": []}]}
    bucket.put("x/a.ndjson", ndjson({"c": row}))

    found = column(bucket.preview("x/"), "c")

    assert found.type == "struct<id: string, deep: struct<x: long>, rows: list<struct<a: long>>>"
    assert found.notes == ("without a type yet, and left out until a value comes: key, list, deep.none, ...",)
