"""The sensor that makes the checks of tables regularly, so that a check can fail or clear without a batch.

Each tick makes all of them, but records a verdict only if it has changed, or an hour later: Dagster keeps
every evaluation.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from ingest_project.checks.tables.verdict import CheckName, Verdict, checks_at_any_time
from ingest_project.defs.asset_checks import evaluation
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings

INTERVAL_SECONDS = 300
RECORDED_ANEW_SECONDS = 3_600
TICK_SECONDS = 25
"""A tick may last 60 seconds; a service that does not answer may take half a minute of it."""

SELDOM: frozenset[CheckName] = frozenset({"row_count"})
"""Checks that read many partitions: made only after a commit, and when all verdicts are recorded again."""

NO_BATCH = "-"
NOTHING = "-"

Known = dict[str, "Memory"]
"""What the cursor remembers of each table."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A table's last turn, the time when all its verdicts were recorded, its last batch then, digests of the
    verdicts.

    Times are seconds. In the cursor it is one line, which people read in the web UI: times, batch, digests.
    """

    turn: int = 0
    recorded: int = 0
    batch: str = NO_BATCH
    said: Mapping[str, str] = field(default_factory=dict)

    def line(self, table: TableSettings) -> str:
        digests = [self.said.get(name, NOTHING) for name in checks_at_any_time(table)]
        return " ".join([str(self.turn), str(self.recorded), self.batch, *digests])

    @classmethod
    def read(cls, line: object, table: TableSettings) -> "Memory":
        """The memory that the line holds; an empty one if the line belongs to other checks, or was edited."""
        names = checks_at_any_time(table)
        match str(line).split():
            case [turn, recorded, batch, *digests] if (
                turn.isdecimal() and recorded.isdecimal() and len(digests) == len(names)
            ):
                return cls(
                    int(turn),
                    int(recorded),
                    batch,
                    dict(zip(names, digests, strict=True)),
                )
        return cls()


def check_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """One sensor for each queue that feeds tables with checks."""
    return [check_sensor(queue) for queue in settings.queues if _tables(settings, queue)]


def check_sensor(queue: QueueSettings) -> dg.SensorDefinition:
    """The sensor `<queue>_checks`; it runs by default unless the queue is not `enabled`."""

    @dg.sensor(
        name=f"{queue.name}_checks",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if queue.enabled else dg.DefaultSensorStatus.STOPPED,
        description=f"Makes the checks of the tables that {queue.name} feeds. Records verdicts that have "
        "changed, and all of them once an hour.",
    )
    def sensor(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SensorResult:
        """One tick."""
        return tick(context, services, queue, now=time.time())

    return sensor


def tick(
    context: dg.SensorEvaluationContext,
    services: Services,
    queue: QueueSettings,
    *,
    now: float,
    stopwatch: Callable[[], float] = time.monotonic,
) -> dg.SensorResult:
    """Makes the checks of the queue's tables, those that waited longest first, as long as a tick may last."""
    tables = _tables(services.settings, queue)
    known = _known(context.cursor, tables)
    events: list[dg.AssetCheckEvaluation] = []
    for table, verdict in _news(services, tables, known, int(now), stopwatch):
        events.append(evaluation(table, verdict))
        outcome = "passed" if verdict.passed else "failed"
        context.log.info(f"{table.name} {verdict.check} {outcome}: {verdict.description}")
    cursor = json.dumps({table.name: known[table.name].line(table) for table in tables})
    if not events:
        return dg.SensorResult(skip_reason="no verdict has changed", cursor=cursor)
    return dg.SensorResult(asset_events=events, cursor=cursor)


def _news(
    services: Services,
    tables: Sequence[TableSettings],
    known: Known,
    now: int,
    stopwatch: Callable[[], float],
) -> Iterator[tuple[TableSettings, Verdict]]:
    """The verdicts that are to be recorded, each with its table; updates `known`, table by table."""
    from ingest_project.checks.tables.evaluate import TableChecks

    end = stopwatch() + TICK_SECONDS
    checks = TableChecks(services)
    for table in sorted(tables, key=lambda one: known[one.name].turn):
        if stopwatch() > end:
            return
        before, batch = known[table.name], _last_batch(services, table)
        # After a commit all are recorded: the web UI shows only verdicts that are newer than the last
        # materialization.
        is_due = now - before.recorded >= RECORDED_ANEW_SECONDS or batch != before.batch
        names = [name for name in checks_at_any_time(table) if is_due or name not in SELDOM]
        verdicts = checks.verdicts(table, names)
        said: dict[str, str] = {verdict.check: digest_of_verdict(verdict) for verdict in verdicts}
        known[table.name] = Memory(now, now if is_due else before.recorded, batch, {**before.said, **said})
        yield from (
            (table, one) for one in verdicts if is_due or said[one.check] != before.said.get(one.check)
        )


def _tables(settings: Settings, queue: QueueSettings) -> list[TableSettings]:
    return [table for table in settings.tables_of(queue.name) if checks_at_any_time(table)]


def _last_batch(services: Services, table: TableSettings) -> str:
    from ingest_project.errors import IngestError

    try:
        last = services.ledger.last_commit(table.name)
    except IngestError:  # the checks that ask the ledger say so themselves
        return NO_BATCH
    return NO_BATCH if last is None else last.batch_id


def digest_of_verdict(verdict: Verdict) -> str:
    """What the cursor remembers of a verdict."""
    said = f"{verdict.passed} {verdict.severity} {verdict.description}"
    return hashlib.blake2b(said.encode(), digest_size=4).hexdigest()


def _known(cursor: str | None, tables: Sequence[TableSettings]) -> Known:
    """The memories in the cursor; a cursor that somebody has edited is ignored."""
    try:
        read = json.loads(cursor or "{}")
    except ValueError:
        read = {}
    lines: Mapping[str, object] = read if isinstance(read, dict) else {}
    return {table.name: Memory.read(lines.get(table.name), table) for table in tables}
