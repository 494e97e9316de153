"""When a table's columns are not those that one would expect."""

from typing import Any

import pytest

from ingest_project.checks.tables.schema_drift import TableColumns, judge_gone, judge_schema_drift
from ingest_project.checks.tables.verdict import Records, Verdict
from ingest_project.iceberg.schema_history import ColumnChange
from ingest_project_tests.checks.tables.factories import NOW, settings

DECLARED = {"order_id": "long", "amount": "decimal(12, 2)"}
HELD = {"order_id": "long", "amount": "decimal(12,2)"}


def change(name: str, type_name: str = "string", was: str | None = None) -> ColumnChange:
    return ColumnChange(name, type_name, was, "batch-1", NOW)


def drift_of(verdict: Verdict) -> list[dict[str, Any]]:
    found = verdict.facts["drift"]
    assert isinstance(found, Records)
    return [dict(row) for row in found.rows]


def test_table_as_it_is_declared_passes_however_its_types_are_spelled() -> None:
    assert judge_schema_drift(settings(columns=DECLARED), TableColumns(HELD)).passed


def test_undeclared_column_fails_until_it_is_declared() -> None:
    found = TableColumns({**HELD, "coupon": "string"}, [change("coupon")])

    verdict = judge_schema_drift(settings(columns=DECLARED), found)

    assert (verdict.passed, verdict.severity) == (False, "warn")
    assert verdict.description == "columns have changed; new: coupon"
    assert drift_of(verdict) == [
        {"column": "coupon", "type": "string", "declared_or_was": None, "batch": "batch-1", "at": NOW}
    ]
    assert judge_schema_drift(settings(columns={**DECLARED, "coupon": "string"}), found).passed


def test_column_that_was_declared_when_it_was_added_is_not_drift() -> None:
    found = TableColumns({**HELD, "coupon": "string"}, [change("coupon")])

    assert judge_schema_drift(settings(columns={**DECLARED, "coupon": "string"}), found).passed


def test_column_that_is_wider_than_declared_fails() -> None:
    found = TableColumns({**HELD, "order_id": "long"}, [change("order_id", "long", was="int")])

    verdict = judge_schema_drift(settings(columns={**DECLARED, "order_id": "int"}), found)

    assert verdict.description == "columns have changed; of another type: order_id"
    assert drift_of(verdict)[0]["declared_or_was"] == "int"


def test_inferred_columns_fail_while_their_change_is_remembered() -> None:
    columns = {**HELD, "coupon": "string"}

    assert not judge_schema_drift(settings(), TableColumns(columns, [change("coupon")])).passed
    assert judge_schema_drift(settings(), TableColumns(columns)).passed


def test_column_of_rescued_values_is_not_drift() -> None:
    rescued = {**HELD, "_rescued_data": "string"}

    assert judge_schema_drift(settings(columns=DECLARED), TableColumns(rescued)).passed
    assert judge_schema_drift(settings(), TableColumns(rescued, [change("_rescued_data")])).passed


@pytest.mark.parametrize(
    ("policy", "severity"), [("add_columns", "warn"), ("fail", "error"), ("rescue", "error")]
)
def test_column_that_the_table_lacks_is_an_error_where_it_stops_all_batches(
    policy: str, severity: str
) -> None:
    lacking = TableColumns(
        HELD, differences=["column tip (long) is declared, but the table does not have it"]
    )

    verdict = judge_schema_drift(settings(columns=DECLARED, schema_evolution=policy), lacking)

    assert (verdict.passed, verdict.severity) == (False, severity)


def test_names_that_a_page_might_obey_are_only_counted_in_words() -> None:
    columns = {"<img src=x>": "string", "a b": "string"}

    verdict = judge_schema_drift(settings(columns={"a": "long"}), TableColumns(columns))

    assert verdict.description == "columns have changed; new: 2 of unusual names"
    assert [row["column"] for row in drift_of(verdict)] == list(columns)


def test_table_that_does_not_exist_yet_passes() -> None:
    assert judge_gone(0) == Verdict("schema_drift", True, "warn", "there is no table yet")
