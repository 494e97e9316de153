"""A lake whose catalog commits and then loses its answer."""

from typing import Any

from pyiceberg.catalog import Catalog

from ingest_project.iceberg.catalog import Lake
from ingest_project_tests.fault_trials.control import reach

BEFORE_CATALOG_COMMIT = "before-catalog-commit"
CATALOG_COMMITTED = "catalog-committed"


class FaultyLake(Lake):
    """The same lake, breakable around the catalog's own commit of a snapshot."""

    def _open(self) -> Catalog:
        catalog = super()._open()
        commit_table = catalog.commit_table

        def faulty_commit(*arguments: Any, **named: Any) -> Any:
            reach(BEFORE_CATALOG_COMMIT)
            answer = commit_table(*arguments, **named)
            reach(CATALOG_COMMITTED)
            return answer

        catalog.commit_table = faulty_commit  # type: ignore[method-assign]
        return catalog
