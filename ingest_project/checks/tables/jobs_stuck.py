"""Whether jobs on demand have not ended after `jobs.stuck_after`: a check of their queue, not of a table."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from ingest_project.checks.tables.verdict import Fact, Records, Verdict, length_in_words, unknown
from ingest_project.ledger.job_model import JobRecord, JobState
from ingest_project.services import Services
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.wording import plural

CHECK: Final = "jobs_stuck"
DESCRIPTION: Final = "No job waits, or runs, for longer than `jobs.stuck_after`."
SHOWN = 20
AT_MOST = 1_000

log = logging.getLogger(__name__)


def check_jobs_stuck(services: Services, clock: Clock = utc_now) -> Verdict | None:
    """The verdict for the queue of jobs; None if the settings have none. Never raises."""
    jobs, queue = services.settings.jobs, services.settings.jobs_queue
    if jobs is None or queue is None:
        return None
    try:
        before = clock() - jobs.longest_wait
        found = services.ledger.jobs.open_jobs(submitted_before=before, limit=AT_MOST)
    except Exception as error:  # as the checks of tables: a check never stops what comes after it
        log.warning("check %s: %s", CHECK, type(error).__name__)
        return unknown(CHECK, error)
    return judge_jobs_stuck(queue.name, jobs.longest_wait, found, clock())


def judge_jobs_stuck(queue: str, longest: timedelta, found: Sequence[JobRecord], now: datetime) -> Verdict:
    """Fails if there are any: accepted jobs, the oldest first, that were submitted longer ago than this."""
    limit = length_in_words(longest)
    facts: dict[str, Fact] = {"stuck_jobs": len(found), "stuck_after": limit, "queue": queue}
    if not found:
        return Verdict(CHECK, True, "error", f"no job has been open for longer than {limit}", facts)
    states = {state: sum(one.state is state for one in found) for state in JobState}
    counts = ", ".join(f"{count:,} {state.value}" for state, count in states.items() if count)
    more = "at least " if len(found) == AT_MOST else ""
    said = f"{more}{plural(len(found), 'job')} not ended after {limit}: {counts}"
    facts |= {
        "oldest_submitted_at": found[0].submitted_at,
        "oldest_age": length_in_words(now - found[0].submitted_at),
        "oldest": Records(("job", "kind", "state", "attempts", "submitted_at", "run"), tuple(_rows(found))),
        "what_to_do": " ".join(_remedies(queue, {one.state for one in found}, any(o.waits for o in found))),
    }
    return Verdict(CHECK, False, "error", said, facts)


def _rows(found: Sequence[JobRecord]) -> Iterable[dict[str, str | int | datetime | None]]:
    for one in found[:SHOWN]:
        yield {
            "job": one.job_id, "kind": one.kind, "state": one.state.value, "attempts": one.attempts,
            "submitted_at": one.submitted_at, "run": one.run_id or "",
        }  # fmt: skip


def _remedies(queue: str, states: set[JobState], waits: bool) -> Iterable[str]:
    if JobState.SUBMITTED in states:
        yield (
            f"Submitted: no tick has taken them from {queue}. Start {queue}_sensor; if it runs, the message "
            f"may be in the DLQ (`ingest dlq {queue}`)."
        )
    if JobState.QUEUED in states:
        yield (
            "Queued: no run has begun them. Look at Dagster's run queue, its limits and its daemon; a run "
            "that does not start within `jobs.start_timeout` is ended by a tick, and counts as an attempt."
        )
    if JobState.RUNNING in states:
        yield (
            "Running: look at the run; a run that is longer than the job's `timeout` is ended by a tick. If "
            "it has ended, the next attempt may wait in Dagster's run queue."
        )
    if waits:
        yield (
            "Those whose run has ended wait for objects that they have put in: `ingest status` shows the "
            "open batches of the tables."
        )
    yield "`ingest job cancel ID` ends a job that nobody needs any more."
