"""Reports objects that failed alone: their runs succeeded, but their rows are not in a table.

One alert for each table, with a count for each error class, and at most one in `failed_objects_every`: a
thousand broken files are two alerts, not a thousand. Objects that failed meanwhile are in the next alert.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from ingest_project.defs.publish import publish
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    from ingest_project.ledger.unread_objects import UnreadObjects

INTERVAL_SECONDS = 60
GRACE_SECONDS = 30
"""Objects settled within this time are left to the next tick: clocks differ, and transactions take time."""
EXAMPLES = 5
LONGEST_REASON = 500

Times = tuple[int, int]
"""Of one table, in seconds: the time up to which failures are reported, and the time of the last alert."""


def object_alert_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor `ingest_object_alerts`; it runs by default unless `alerts.failed_objects_every` is null."""
    every = settings.alerts.time_between_alerts
    status = dg.DefaultSensorStatus.STOPPED if every is None else dg.DefaultSensorStatus.RUNNING

    @dg.sensor(
        name="ingest_object_alerts",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=status,
        description="Reports objects that could not be ingested, by table and error class, to the log and to "
        "the SNS topic of `alerts` in ingest.yaml.",
    )
    def sensor(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SensorResult:
        """One tick."""
        return tick(context, services, now=int(time.time()))

    return sensor


def tick(context: dg.SensorEvaluationContext, services: Services, *, now: int) -> dg.SensorResult:
    """Looks at each table whose last alert is long enough ago, and reports what has failed since."""
    known = _known(context.cursor)
    until = now - GRACE_SECONDS
    shortest = services.settings.alerts.time_between_alerts
    pause = 0 if shortest is None else int(shortest.total_seconds())
    times: dict[str, Times] = {}
    reported = 0
    for table in services.settings.tables:
        times[table.name] = known.get(table.name, (until, 0))
        reported_until, last_alert = times[table.name]
        if now - last_alert < pause:
            continue
        try:
            found = _failed(services, table, reported_until, until)
        except IngestError as error:  # the ledger does not answer; the next tick asks for the same time again
            context.log.warning(str(error))
            break
        if not found.total:
            times[table.name] = (until, last_alert)
            continue
        reported += 1
        problem = publish(context.log, services, _subject(table, found), _message(table, found))
        if problem is not None:
            context.log.error(f"{table.name}: the alert was not published ({problem}); it is repeated")
        times[table.name] = (reported_until if problem is not None else until, now)
    said = f"alerts sent: {reported}" if reported else "no object has failed since the last tick"
    return dg.SensorResult(skip_reason=said, cursor=json.dumps(known | times))


def _failed(services: Services, table: TableSettings, after: int, until: int) -> "UnreadObjects":
    return services.ledger.lately_unread(
        table.queue,
        table.name,
        after=datetime.fromtimestamp(after, UTC),
        until=datetime.fromtimestamp(until, UTC),
        limit=EXAMPLES,
    )


def _subject(table: TableSettings, found: "UnreadObjects") -> str:
    objects = "1 object" if found.total == 1 else f"{found.total:,} objects"
    return f"ingest: {objects} of {table.name} could not be ingested ({', '.join(found.by_class)})"


def _message(table: TableSettings, found: "UnreadObjects") -> str:
    """JSON, for programs and for people."""
    told = {
        "table": table.name,
        "queue": table.queue,
        "objects": found.total,
        "parked": found.parked,
        "by_error_class": found.by_class,
        "newest": [
            {"object": one.uri, "error_class": one.error_class, "reason": one.reason[:LONGEST_REASON]}
            for one in found.newest
        ],
        "next_step": f"Fix the cause, then `ingest retry --table {table.name}`; "
        f"`ingest history {table.name} --state "
        "failed` lists all of them. A new write of the key clears a failure. If the object will not come, "
        "materialize its partition, or `ingest dismiss` it.",
    }
    return json.dumps(told, indent=1)


def _known(cursor: str | None) -> dict[str, Times]:
    """The times in the cursor; entries that somebody has edited are ignored."""
    try:
        read = json.loads(cursor or "{}")
    except ValueError:
        return {}
    entries: Mapping[str, object] = read if isinstance(read, dict) else {}
    found: dict[str, Times] = {}
    for name, entry in entries.items():
        match entry:
            case [int(until), int(last_alert)]:
                found[name] = (until, last_alert)
    return found
