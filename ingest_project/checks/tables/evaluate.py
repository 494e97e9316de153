"""Makes the checks of a table: asks the ledger, the lake and SQS, and judges their answers.

If one of them does not answer, that is a verdict: a check never stops the checks after it, or an ingest run.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from ingest_project.checks.tables.bad_rows import WINDOW, judge_bad_rows
from ingest_project.checks.tables.dlq_empty import DeadLetters, dead_letters, judge_dlq
from ingest_project.checks.tables.failed_objects import SHOWN, judge_failed_objects
from ingest_project.checks.tables.freshness import judge_freshness
from ingest_project.checks.tables.reconciled import judge_reconciled
from ingest_project.checks.tables.row_count import Counts, judge_row_count, no_rows_yet
from ingest_project.checks.tables.schema_drift import (
    REMEMBERED,
    TableColumns,
    judge_gone,
    judge_schema_drift,
)
from ingest_project.checks.tables.verdict import CheckName, Verdict, unknown
from ingest_project.checks.tables.windows import Window, windows_before
from ingest_project.ledger.model import BatchKind
from ingest_project.ledger.report import CommittedRows
from ingest_project.services import Services
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_windows import PartitionEvery

log = logging.getLogger(__name__)

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any commit."""


class TableChecks:
    """Makes checks at about one time, and asks a DLQ that several tables share once."""

    def __init__(self, services: Services, clock: Clock = utc_now) -> None:
        self._services = services
        self._clock = clock
        self._letters: dict[str, DeadLetters | Exception | None] = {}

    def verdicts(
        self, table: TableSettings, checks: Iterable[CheckName], *, batch: CommittedRows | None = None
    ) -> list[Verdict]:
        """The verdicts of these checks, in their order. Never raises.

        `batch` is the table's last batch; without it the ledger's last one is used.
        """
        return [self._verdict(table, check, batch) for check in checks]

    def _verdict(self, table: TableSettings, check: CheckName, batch: CommittedRows | None) -> Verdict:
        try:
            return self._judge(table, check, batch)
        except Exception as error:  # an ingest run may call this, and its work is already done
            log.warning("check %s of table %s: %s", check, table.name, type(error).__name__)
            return unknown(check, error)

    def _judge(self, table: TableSettings, check: CheckName, batch: CommittedRows | None) -> Verdict:
        match check:
            case "failed_objects":
                found = self._services.ledger.unread_objects(table.queue, table.name, limit=SHOWN)
                return judge_failed_objects(table, found)
            case "bad_rows":
                return self._bad_rows(table, batch)
            case "schema_drift":
                return self._schema_drift(table)
            case "freshness":
                last = self._services.ledger.last_commit(table.name)
                return judge_freshness(table.checks.longest_silence or timedelta.max, last, self._clock())
            case "row_count":
                return self._row_count(table)
            case "dlq_empty":
                return judge_dlq(table, self._dead_letters(table.queue), self._clock())
            case "reconciled":
                return judge_reconciled(table, self._services.reconciled(table))

    def _bad_rows(self, table: TableSettings, batch: CommittedRows | None) -> Verdict:
        ledger, now = self._services.ledger, self._clock()
        # A commit has its writer's time: include writers whose clocks are ahead of ours.
        recent = ledger.committed_rows(table.name, now - WINDOW, now + WINDOW)
        limit = table.checks.bad_row_share
        last = batch or ledger.last_commit(table.name)
        return judge_bad_rows(table, 1.0 if limit is None else limit, recent, last)

    def _schema_drift(self, table: TableSettings) -> Verdict:
        found, now = self._services.lake.find(table.name), self._clock()
        if found is None:
            ever = self._services.ledger.committed_rows(table.name, EARLIEST, now + WINDOW)
            return judge_gone(ever.rows)
        changes = found.column_changes(now - REMEMBERED)
        columns = TableColumns(found.committed_columns, changes, found.differences(table))
        return judge_schema_drift(table, columns)

    def _row_count(self, table: TableSettings) -> Verdict:
        if not self._services.ledger.has_rows(table.name):
            return no_rows_yet()
        every = table.partition.every if table.partition is not None else None
        now = self._clock().astimezone(UTC).replace(tzinfo=None)
        if table.partition is not None and every is not None:
            first = table.partition.start_time
            windows = windows_before(every, now, late_files=True, first=first)
            return judge_row_count(every, windows, lambda asked: self._rows_of_partitions(table, asked))
        days: PartitionEvery = "day"
        windows = windows_before(days, now, late_files=False)
        return judge_row_count(days, windows, lambda asked: self._rows_of_days(table, asked))

    def _rows_of_partitions(self, table: TableSettings, windows: Sequence[Window]) -> Counts:
        rows = self._services.ledger.partition_rows(table.name, [window.key for window in windows])
        return [(window, rows[window.key]) for window in windows]

    def _rows_of_days(self, table: TableSettings, days: Sequence[Window]) -> Counts:
        return [(day, self._rows_committed(table, day)) for day in days]

    def _rows_committed(self, table: TableSettings, day: Window) -> int:
        """The rows of a day, without rebuilds and replays, which write rows again."""
        since, until = day.start.replace(tzinfo=UTC), day.end.replace(tzinfo=UTC)
        return self._services.ledger.committed_rows(table.name, since, until, BatchKind.INGEST).rows

    def _dead_letters(self, queue: str) -> DeadLetters | None:
        if queue not in self._letters:
            try:
                self._letters[queue] = dead_letters(self._services, queue)
            except Exception as error:  # it is raised below, for each table that asks
                self._letters[queue] = error
        answer = self._letters[queue]
        if isinstance(answer, Exception):
            raise answer
        return answer
