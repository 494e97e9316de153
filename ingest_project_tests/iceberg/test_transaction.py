"""One send, against the snapshot that was looked at, and no trace of it in the table's properties."""

import pytest
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.table import LakeTable
from ingest_project.iceberg.transaction import OneShotTransaction
from ingest_project_tests.iceberg.factories import commit_orders, orders, orders_table
from ingest_project_tests.iceberg.readers import order_ids, snapshot_ids, stored_files


def staged(loaded: Table, table: LakeTable, batch_id: str) -> OneShotTransaction:
    transaction = OneShotTransaction(loaded)
    with transaction.update_snapshot().merge_append() as producer:
        for file in table.write(orders(batch_id, [9])).data_files:
            producer.append_data_file(file)
    return transaction


@pytest.mark.parametrize("batches_before", [0, 1])
def test_a_commit_against_a_snapshot_that_is_not_mains_any_more_is_refused_once(
    lake: Lake, batches_before: int
) -> None:
    table = orders_table(lake)
    for number in range(batches_before):
        commit_orders(table, f"before-{number}", [number])
    transaction = staged(lake._catalog().load_table(table.name), table, "slow")
    fast = commit_orders(table, "fast", [5])
    with pytest.raises(CommitFailedException):
        transaction.commit_transaction()
    assert snapshot_ids(table)[-1] == fast
    assert 9 not in order_ids(table)


def test_refused_manifests_are_left_for_the_caller_to_judge(lake: Lake) -> None:
    table = orders_table(lake)
    transaction = staged(lake._catalog().load_table(table.name), table, "slow")
    manifests = stored_files(table, "metadata")
    commit_orders(table, "fast", [5])
    with pytest.raises(CommitFailedException):
        transaction.commit_transaction()
    assert {path for path in manifests if path.suffix == ".avro"} <= stored_files(table, "metadata")


def test_other_engines_keep_their_retries(lake: Lake) -> None:
    table = orders_table(lake)
    commit_orders(table, "one", [1])
    properties = lake._catalog().load_table(table.name).properties
    assert not [key for key in properties if key.startswith("commit.retry")]


def test_staged_metadata_is_computed_once_and_the_tables_own_stays(lake: Lake) -> None:
    table = orders_table(lake)
    loaded = lake._catalog().load_table(table.name)
    transaction = staged(loaded, table, "one")
    assert transaction.table_metadata is transaction.table_metadata
    assert len(transaction.table_metadata.snapshots) == 1
    assert loaded.metadata.snapshots == []
