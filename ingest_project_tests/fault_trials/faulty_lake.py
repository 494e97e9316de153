"""A lake whose catalog commits and then loses its answer."""

from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table
from pyiceberg.table.update import AddSnapshotUpdate, TableUpdate

from ingest_project.iceberg.batch_snapshot import BATCH_ID_PROPERTY
from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.fault_trials.control import reach

BEFORE_CATALOG_COMMIT = "before-catalog-commit"
CATALOG_COMMITTED = "catalog-committed"


POINTS = {
    "table": (BEFORE_CATALOG_COMMIT, CATALOG_COMMITTED),
    "mark": ("before-mark-commit", "mark-committed"),
    "quarantine": ("before-quarantine-commit", "quarantine-committed"),
    "replaced": ("before-replaced-commit", "replaced-committed"),
}
"""By what is committed: a batch's good rows; the mark of a second attempt; its bad rows; without those it
replaced."""


def _kind(table: Table, updates: tuple[TableUpdate, ...]) -> str:
    names = [one.snapshot.summary for one in updates if isinstance(one, AddSnapshotUpdate)]
    name = next(
        (one.additional_properties.get(BATCH_ID_PROPERTY, "") for one in names if one is not None), ""
    )
    if not table.name()[-1].endswith("__quarantine"):
        return "mark" if "/" in name else "table"
    return "replaced" if name.endswith("/replaced") else "quarantine"


class FaultyLake(Lake):
    """The same lake, breakable around the catalog's own commit of a snapshot."""

    def _open(self) -> Catalog:
        catalog = super()._open()
        commit_table = catalog.commit_table

        def faulty_commit(table: Table, requirements: Any, updates: tuple[TableUpdate, ...]) -> Any:
            if not any(isinstance(one, AddSnapshotUpdate) for one in updates):  # a table is made
                return commit_table(table, requirements, updates)
            before, after = POINTS[_kind(table, updates)]
            reach(before)
            answer = commit_table(table, requirements, updates)
            reach(after)
            return answer

        catalog.commit_table = faulty_commit  # type: ignore[method-assign]
        return catalog
