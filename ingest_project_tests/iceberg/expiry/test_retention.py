"""Which snapshots may go: by number, age, branches, open batches, and properties of the table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadataV2
from pyiceberg.types import LongType, NestedField

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.expiry.retention import AGE_PROPERTY, KEEP_PROPERTY, Retention, expirable
from ingest_project.settings.clocks import CLOCK_SKEW

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ALL_BUT_ONE = Retention(1, timedelta(0))


def table(
    *ages_hours: float,
    refs: dict[str, Any] | None = None,
    parents: dict[int, int] | None = None,
    properties: dict[str, str] | None = None,
) -> TableMetadataV2:
    """A table with snapshots 1, 2, ... of these ages, each the parent of the next; main is at the last."""
    parents = {one: one - 1 for one in range(2, len(ages_hours) + 1)} | (parents or {})
    snapshots = [
        {
            "snapshot-id": number,
            "parent-snapshot-id": parents.get(number),
            "sequence-number": number,
            "timestamp-ms": int((NOW - timedelta(hours=age)).timestamp() * 1000),
            "manifest-list": f"file:///list-{number}.avro",
            "summary": {"operation": "append"},
            "schema-id": 0,
        }
        for number, age in enumerate(ages_hours, 1)
    ]
    main = {"main": {"snapshot-id": len(ages_hours), "type": "branch"}}
    return TableMetadataV2.model_validate(
        {
            "location": "file:///table", "last-column-id": 1, "last-sequence-number": len(ages_hours),
            "schemas": [Schema(NestedField(1, "id", LongType())).model_dump() | {"schema-id": 0}],
            "current-schema-id": 0, "partition-specs": [{"spec-id": 0, "fields": []}], "default-spec-id": 0,
            "last-partition-id": 999, "sort-orders": [{"order-id": 0, "fields": []}],
            "default-sort-order-id": 0, "properties": properties or {}, "snapshots": snapshots,
            "current-snapshot-id": len(ages_hours), "refs": main | (refs or {}),
        }
    )  # fmt: skip


def gone(
    metadata: TableMetadataV2, retention: Retention, unsettled_since: datetime | None = None
) -> list[int]:
    found = expirable(metadata, retention, now=NOW, unsettled_since=unsettled_since, name="sales.orders")
    return [one.snapshot_id for one in found]


def test_the_newest_stay_whatever_their_age() -> None:
    assert gone(table(50, 40, 30, 20), Retention(2, timedelta(hours=1))) == [1, 2]


def test_the_young_stay_whatever_their_number() -> None:
    assert gone(table(50, 40, 30, 20), Retention(1, timedelta(hours=45))) == [1]


def test_by_default_a_hundred_and_a_week() -> None:
    many = [24.0 * 30 - number for number in range(150)]
    assert len(gone(table(*many), Retention())) == 50
    assert gone(table(*[24.0 * 6.9] * 150), Retention()) == []


def test_what_was_committed_since_the_oldest_unsettled_batch_was_planned_stays() -> None:
    metadata = table(50, 40, 30, 20)
    planned = NOW - timedelta(hours=40)

    assert gone(metadata, ALL_BUT_ONE, planned) == [1]
    # The clock of the machine that committed may have been behind.
    assert gone(metadata, ALL_BUT_ONE, planned + CLOCK_SKEW) == [1]
    assert gone(metadata, ALL_BUT_ONE, planned + CLOCK_SKEW + timedelta(seconds=1)) == [1, 2]


def test_history_of_main_never_has_a_gap() -> None:
    """A clock that was put back made an older snapshot look younger."""
    assert gone(table(50, 10, 40, 30, 20), Retention(1, timedelta(hours=15))) == [1]


def test_branches_and_tags_keep_what_they_refer_to_and_a_branch_its_newest() -> None:
    # 1 - 2 - 3 - 7 is main, 4 - 5 - 6 is a branch of 1
    metadata = table(
        70, 60, 50, 40, 30, 20, 10,
        parents={4: 1, 7: 3},
        refs={"fork": {"snapshot-id": 6, "type": "branch"}, "audit": {"snapshot-id": 2, "type": "tag"}},
    )  # fmt: skip

    assert gone(metadata, ALL_BUT_ONE) == [1, 3, 4, 5]
    assert gone(metadata, Retention(2, timedelta(0))) == [1, 4]


def test_limits_of_a_branch_come_first() -> None:
    own = {"snapshot-id": 3, "type": "branch", "min-snapshots-to-keep": 2, "max-snapshot-age-ms": 3_600_000}

    assert gone(table(50, 40, 30, 20, refs={"fork": own}), ALL_BUT_ONE) == [1]


def test_rolled_back_snapshots_go_when_they_are_old() -> None:
    assert gone(table(50, 40, 30, parents={3: 1}), ALL_BUT_ONE) == [1, 2]
    assert gone(table(50, 40, 30, parents={3: 1}), Retention(1, timedelta(hours=45))) == [1]


def test_properties_of_the_table_fill_what_the_settings_leave_out() -> None:
    told = {KEEP_PROPERTY: "2", AGE_PROPERTY: str(45 * 3_600_000)}
    metadata = table(50, 40, 30, 20, properties=told)

    assert gone(metadata, Retention()) == [1]
    assert gone(metadata, Retention(min_age=timedelta(0))) == [1, 2]
    assert gone(metadata, Retention(keep=3, min_age=timedelta(0))) == [1]
    assert gone(table(50, 40, properties={AGE_PROPERTY: str(2**63 - 1)}), Retention(keep=1)) == []


def test_property_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(TableMismatch, match=r"min-snapshots-to-keep is 'many', not a number"):
        gone(table(50, 40, properties={KEEP_PROPERTY: "many"}), Retention())
