"""What would become of the files in a table that exists."""

from typing import Any

import pytest

from ingest_project.preview.compare_with_table import TableMapping
from ingest_project.settings.model import TableSettings
from ingest_project_tests.landing import table
from ingest_project_tests.preview.factories import Bucket, ndjson

NAME = "raw.things"


def create(bucket: Bucket, columns: dict[str, str]) -> None:
    settings = TableSettings.model_validate(table(NAME, "x/", columns))
    bucket.services.lake.table(settings, columns=columns)


def mapping(bucket: Bucket) -> TableMapping:
    found = bucket.preview("x/", table=NAME).mapping
    assert found is not None
    return found


def verdicts(bucket: Bucket) -> dict[str, str]:
    return {one.name: one.verdict for one in mapping(bucket).columns}


def test_each_column_has_its_verdict(bucket: Bucket) -> None:
    create(
        bucket,
        {
            "id": "long",
            "small": "int",
            "amount": "decimal(12,2)",
            "at": "timestamptz",
            "gone": "string",
            "n": "long",
        },
    )
    rows: list[dict[str, Any]] = [
        {
            "id": 1,
            "small": 2**40,
            "amount": 12.5,
            "at": "2026-11-20T13:00:00Z",
            "n": "many",
            "new": True,
            "nil": None,
        },
        {
            "id": 2,
            "small": 1,
            "amount": 3,
            "at": "2026-11-21T13:00:00Z",
            "n": "one",
            "new": None,
            "nil": None,
        },
    ]
    bucket.put("x/a.ndjson", ndjson(*rows))

    assert verdicts(bucket) == {
        "id": "same",
        "small": "widened",
        "amount": "same",  # JSON's digits fit the decimal, though the inferred type is a double
        "at": "same",
        "gone": "missing",
        "n": "conflict",
        "new": "extra",
        "nil": "extra",
    }


def test_values_of_all_sampled_objects_count(bucket: Bucket) -> None:
    create(bucket, {"n": "long"})
    bucket.put("x/1.csv", b"n,m\n1,1\n")
    bucket.put("x/2.csv", b"n,m\none,1\n")

    assert verdicts(bucket) == {"n": "conflict", "m": "extra"}


def test_rows_that_cannot_be_read_are_not_a_conflict(bucket: Bucket) -> None:
    create(bucket, {"amount": "decimal(12,2)"})
    bucket.put("x/1.ndjson", ndjson({"amount": 1.25}) + b"{broken\n" + ndjson({"amount": 2.5}))

    assert verdicts(bucket) == {"amount": "same"}


def test_fields_that_the_settings_rename_are_found_under_their_columns(bucket: Bucket) -> None:
    create(bucket, {"order_id": "long", "total": "double"})
    columns: dict[str, Any] = {
        "order_id": {"type": "long", "from": "Order ID"},
        "total": {"type": "double", "sql": "order_id * 2"},
    }
    bucket.landing.write(tables=[table(NAME, "x/", columns)])
    bucket.put("x/a.ndjson", ndjson({"Order ID": 17}))

    assert verdicts(bucket) == {"order_id": "same"}


def test_table_that_is_not_there_yet(bucket: Bucket) -> None:
    bucket.put("x/a.ndjson", ndjson({"id": 1}))

    assert mapping(bucket) == TableMapping(NAME, exists=False)


def test_catalog_that_does_not_answer_is_reported_and_the_rest_continues(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = {"type": "rest", "uri": "http://127.0.0.1:9/", "token": "secret"}
    bucket.landing.write(catalog=catalog)
    bucket.put("x/a.ndjson", ndjson({"id": 1}))

    preview = bucket.preview("x/", table=NAME)

    assert preview.is_found
    assert preview.mapping is not None
    assert preview.mapping.problem
    assert "secret" not in preview.mapping.problem


def test_case_does_not_count_for_a_table_whose_settings_say_so(bucket: Bucket) -> None:
    columns = {"id": "long", "amount": {"type": "long", "from": "Sum"}}
    declared = table(NAME, "x/", {}) | {"columns": columns}
    create(bucket, {"id": "long", "amount": "long", "Note": "string"})
    bucket.put("x/a.ndjson", ndjson({"ID": 1, "SUM": 2, "note": "n", "other": 3}))

    bucket.landing.write(tables=[declared])
    assert verdicts(bucket) == {
        "ID": "extra", "SUM": "extra", "note": "extra", "other": "extra", "id": "missing",
        "amount": "missing", "Note": "missing"
    }  # fmt: skip
    bucket.landing.write(tables=[declared | {"case_insensitive": True}])
    assert verdicts(bucket) == {"id": "same", "amount": "same", "Note": "same", "other": "extra"}
