"""Files with types of their own that say different things of one column."""

from datetime import UTC, date, datetime
from decimal import Decimal

from ingest_project_tests.preview.factories import Bucket, column, parquet, types


def test_type_of_files_with_a_schema_that_disagree_is_the_one_that_takes_most_rows(bucket: Bucket) -> None:
    bucket.put(
        "x/a.parquet",
        parquet(
            zip=[501],
            ok=[True],
            net=[Decimal("1.50")],
            gross=[1.5],
            at=[datetime(2026, 1, 1, tzinfo=UTC)],
            s=[{"a": 1}],
        ),
    )
    bucket.put(
        "x/b.parquet",
        parquet(
            zip=["00504"], ok=["no"], net=["n/a"], gross=["2.5"], at=["2026-01-02T00:00:00"], s=[{"a": "x"}]
        ),
    )

    preview = bucket.preview("x/")

    assert types(preview) == {
        "zip": "string", "ok": "string", "net": "string", "gross": "double", "at": "timestamptz",
        "s": "struct<a: string>",
    }  # fmt: skip
    assert all(one.remedy is None for one in preview.columns)


def test_values_that_no_type_of_the_files_takes_are_counted(bucket: Bucket) -> None:
    bucket.put("x/a.parquet", parquet(gross=[1.5, 2.5], on=[date(2026, 1, 1)] * 2))
    bucket.put("x/b.parquet", parquet(gross=["cheap"], on=[1.5]))

    preview = bucket.preview("x/")

    assert (
        "1 of 3 values are not of type double, such as cheap: they would be bad rows"
        in column(preview, "gross").notes[0]
    )
    assert column(preview, "on").type == "date"
    assert column(preview, "on").remedy == "rescue"
    assert "1 of 3 values can never be date" in column(preview, "on").notes[0]
