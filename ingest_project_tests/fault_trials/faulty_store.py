"""An object store that stops between the fetch and the read."""

from typing import Any

from ingest_project.sources.s3.fetched import FetchResult
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.fault_trials.control import reach

BEFORE_FETCH = "before-fetch"
AFTER_FETCH = "after-fetch"


class FaultyStore(ObjectStore):
    """The same store, breakable."""

    def fetch(self, *arguments: Any, **named: Any) -> FetchResult:
        reach(BEFORE_FETCH)
        result = super().fetch(*arguments, **named)
        reach(AFTER_FETCH)
        return result
