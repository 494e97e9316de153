"""A ledger whose user stops around the calls that decide."""

from collections.abc import Sequence
from typing import Any

from ingest_project.ledger.job_ledger import JobLedger
from ingest_project.ledger.job_model import JobRecord
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite, Standing
from ingest_project.ledger.model import BatchWork, ClaimResult, RowsToReplace
from ingest_project.ledger.source_actions import SourceAction
from ingest_project.settings.model import OnOverwrite
from ingest_project.sources.object_version import ObjectVersion
from ingest_project_tests.fault_trials.control import reach
from ingest_project_tests.fault_trials.faulty_store import AFTER_FETCH, BEFORE_FETCH

AFTER_CLAIM = "after-claim"
AFTER_START = "after-start"
AFTER_DATA_FILES = "after-data-files"
AFTER_CONFIRM = "after-confirm"
AFTER_COMMIT = "after-commit"
AFTER_SETTLE = "after-settle"
AFTER_LOOK = "after-look"
BEFORE_CLAIM_LISTED = "before-claim-listed"
AFTER_CLAIM_LISTED = "after-claim-listed"
AFTER_DUE = "after-due"
AFTER_RECORD = "after-record"
AFTER_SEND = "after-send"
AFTER_ACCEPT = "after-accept"
AFTER_WORK = "after-work"
BEFORE_WAIT = "before-wait"
AFTER_RESULT = "after-result"


class FaultyJobLedger(JobLedger):
    """The same part of the ledger for jobs, breakable."""

    def submit(self, *arguments: Any, **named: Any) -> tuple[JobRecord, bool]:
        result = super().submit(*arguments, **named)
        reach(AFTER_RECORD)
        return result

    def sent(self, job_id: str) -> None:
        reach(AFTER_SEND)
        super().sent(job_id)
        reach(AFTER_ACCEPT)

    def wait_for(self, *arguments: Any, **named: Any) -> None:
        reach(BEFORE_WAIT)
        super().wait_for(*arguments, **named)

    def tell(self, *arguments: Any, **named: Any) -> None:
        is_result = named.get("result") is not None
        if is_result:
            reach(AFTER_WORK)
        super().tell(*arguments, **named)
        if is_result:
            reach(AFTER_RESULT)


class FaultyLedger(Ledger):
    """The same ledger, breakable."""

    @property
    def jobs(self) -> "FaultyJobLedger":
        return FaultyJobLedger(self._database, self._clock)

    def claim_and_plan(self, *arguments: Any, **named: Any) -> ClaimResult:
        result = super().claim_and_plan(*arguments, **named)
        if result.new_objects:
            reach(AFTER_CLAIM)
        return result

    def start(self, *arguments: Any, **named: Any) -> BatchWork | None:
        work = super().start(*arguments, **named)
        reach(AFTER_START)
        return work

    def message_contents(self, *arguments: Any, **named: Any) -> dict[ObjectVersion, bytes]:
        reach(BEFORE_FETCH)  # what the object store is to files
        contents = super().message_contents(*arguments, **named)
        reach(AFTER_FETCH)
        return contents

    def confirm(self, *arguments: Any, **named: Any) -> RowsToReplace | None:
        reach(AFTER_DATA_FILES)
        replaced = super().confirm(*arguments, **named)
        reach(AFTER_CONFIRM)
        return replaced

    def settle(self, *arguments: Any, **named: Any) -> int:
        reach(AFTER_COMMIT)
        gone = super().settle(*arguments, **named)
        reach(AFTER_SETTLE)
        return gone

    def standings(self, policy: OnOverwrite, listed: Sequence[ListedWrite]) -> list[Standing]:
        found = super().standings(policy, listed)
        if listed:
            reach(AFTER_LOOK)
        return found

    def claim_listed(self, *arguments: Any, **named: Any) -> int:
        reach(BEFORE_CLAIM_LISTED)
        claimed = super().claim_listed(*arguments, **named)
        reach(AFTER_CLAIM_LISTED)
        return claimed

    def due_actions(self, queue: str, *, limit: int) -> list[SourceAction]:
        found = super().due_actions(queue, limit=limit)
        if found:
            reach(AFTER_DUE)
        return found
