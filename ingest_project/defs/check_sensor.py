"""The sensor that makes the checks of tables by itself, so that time alone can fail them and clear them.

Each tick makes them all, but records a verdict only if it is news, or an hour old: Dagster keeps every evaluation.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from ingest_project.defs.asset_checks import evaluation
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings
from ingest_project.table_checks.verdict import CheckName, Verdict, checks_of

INTERVAL_SECONDS = 300
RECORDED_ANEW_SECONDS = 3_600
TICK_SECONDS = 25
"""A tick may last 60 seconds; whoever does not answer takes up to half a minute to say so."""

SELDOM: frozenset[CheckName] = frozenset({"row_count"})
"""Counts the rows of many partitions, of which none changes much: only when its verdict is to be recorded anew."""

Known = dict[str, dict[str, Any]]
"""What the cursor remembers of each `table/check`: what was recorded (`said`), when (`at`, seconds), and when it was last made."""


def check_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """One sensor for each queue that feeds tables with checks."""
    return [check_sensor(queue) for queue in settings.queues if _tables(settings, queue)]


def check_sensor(queue: QueueSettings) -> dg.SensorDefinition:
    """The sensor `<queue>_checks`; it runs by default unless the queue is not `enabled`."""

    @dg.sensor(
        name=f"{queue.name}_checks",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if queue.enabled else dg.DefaultSensorStatus.STOPPED,
        description=f"Makes the checks of the tables that {queue.name} feeds, and records what is news, or an hour old.",
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
    """Makes the checks of the queue's tables, those first that have waited longest, for as long as a tick may last."""
    known = _known(context.cursor)
    events: list[dg.AssetCheckEvaluation] = []
    for table, verdict, batch_id in _verdicts(services, queue, known, now, stopwatch):
        name, said = _name(table, verdict.check), _said(verdict, batch_id)
        is_news = said != known.get(name, {}).get("said") or _is_due(table, verdict.check, known, now)
        known[name] = {**({"said": said, "at": now} if is_news else known[name]), "made": now}
        if is_news:
            events.append(evaluation(table, verdict))
            context.log.info(
                f"{table.name} {verdict.check} {'passed' if verdict.passed else 'failed'}: {verdict.description}"
            )
    wanted = {
        _name(table, check) for table in _tables(services.settings, queue) for check in checks_of(table)
    }
    cursor = json.dumps({name: known[name] for name in sorted(wanted & known.keys())})
    if not events:
        return dg.SensorResult(skip_reason="no check has news", cursor=cursor)
    return dg.SensorResult(asset_events=events, cursor=cursor)


def _verdicts(
    services: Services, queue: QueueSettings, known: Known, now: float, stopwatch: Callable[[], float]
) -> Iterator[tuple[TableSettings, Verdict, str | None]]:
    """The verdicts, each with its table and the table's last batch."""
    from ingest_project.table_checks.evaluate import TableChecks

    end = stopwatch() + TICK_SECONDS
    checks = TableChecks(services)
    for table in sorted(_tables(services.settings, queue), key=lambda one: _last_made(one, known)):
        if stopwatch() > end:
            return
        batch_id = _last_batch(services, table)
        due = [name for name in checks_of(table) if name not in SELDOM or _is_due(table, name, known, now)]
        for verdict in checks.verdicts(table, due):
            yield table, verdict, batch_id


def _tables(settings: Settings, queue: QueueSettings) -> list[TableSettings]:
    return [table for table in settings.tables_of(queue.name) if checks_of(table)]


def _last_batch(services: Services, table: TableSettings) -> str | None:
    from ingest_project.errors import IngestError

    try:
        last = services.ledger.last_commit(table.name)
    except IngestError:  # the checks that ask the ledger say so themselves
        return None
    return None if last is None else last.batch_id


def _said(verdict: Verdict, batch_id: str | None) -> str:
    """What makes a verdict news. After each commit it is: the web UI shows only what is younger than that."""
    return f"{verdict.passed} {verdict.severity} {batch_id} {verdict.description}"


def _is_due(table: TableSettings, check: CheckName, known: Known, now: float) -> bool:
    remembered = known.get(_name(table, check))
    return remembered is None or now - remembered["at"] >= RECORDED_ANEW_SECONDS


def _last_made(table: TableSettings, known: Known) -> float:
    """When the table's turn was; 0 if it never was."""
    return max(float(known.get(_name(table, check), {}).get("made", 0)) for check in checks_of(table))


def _known(cursor: str | None) -> Known:
    """What the cursor says; one that somebody has edited is forgotten."""
    try:
        read = json.loads(cursor or "{}")
    except ValueError:
        return {}
    entries: Mapping[str, Any] = read if isinstance(read, dict) else {}
    return {
        name: entry
        for name, entry in entries.items()
        if isinstance(entry, dict)
        and all(isinstance(entry.get(time_of), int | float) for time_of in ("at", "made"))
    }


def _name(table: TableSettings, check: CheckName) -> str:
    return f"{table.name}/{check}"
