"""One trial: a fault, a workload from a seed, and what the fault's own script needs to act and to wait."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ingest_project.defs.outbox import START_TIMEOUT
from ingest_project_tests.fault_trials.control import Action, Mark, Order, kill_daemon
from ingest_project_tests.fault_trials.deployment import FIRST_DAEMON, LEASE_SECONDS, QUEUE, Deployment
from ingest_project_tests.fault_trials.oracle import Expected, Verdict, judge_ledger, judge_rows
from ingest_project_tests.fault_trials.processes import is_alive, run_workers
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule
from ingest_project_tests.fault_trials.run_oracle import judge_told, runs_without_alert
from ingest_project_tests.fault_trials.workload import (
    COLUMNS,
    MENDED_TIMES,
    PLAIN_BUCKET,
    VERSIONED_BUCKET,
    Landing,
    Write,
)
from ingest_project_tests.patience import SLOWNESS

POLL_SECONDS = 0.25
BAD_SHARE = 0.3
LAST_WORDS_SECONDS = START_TIMEOUT.total_seconds() + LEASE_SECONDS + 30
"""How long a run may stay unfinished in Dagster once its work is done: monitoring and sensors look every
five."""
ALERT_SECONDS = 60.0
"""How long an alert may take: its sensor looks every ten seconds, at five runs at a time."""
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")


class Stuck(Exception):
    """Something that had to happen did not, in the time that the trial has."""


class Interrupted(Exception):
    """The harness is told to end."""


class NotReached(Exception):
    """The work was over before the fault could strike: the trial says nothing about the fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A named fault: a script that lands a workload and strikes.

    `deadline_seconds` is what all of it may take beyond one START_TIMEOUT, for a run that dies before it has
    a lease. `policy` is the table's `on_overwrite`, `versioned` its bucket's kind, `bad_rows` whether some of
    its objects have such; None leaves them to the seed. `kind` is the class of its trials, unless they are of
    files.
    """

    name: str
    script: "Callable[[Trial], None]"
    policy: str | None = None
    versioned: bool | None = None
    deadline_seconds: float = 300.0
    databases: str | None = None
    bad_rows: bool | None = None
    kind: "type[Trial] | None" = None

    def trial(self, number: int, seed: int) -> "Trial":
        """A trial of this fault."""
        return (self.kind or Trial)(self, number, seed)


@dataclass
class Trial:
    """One trial of a fault.

    Its table, prefix and objects are its own; daemon, queue and ledger serve others as well.
    """

    fault: Fault
    number: int
    seed: int
    started_at: float = 0.0
    expected: Expected = field(default_factory=Expected)
    strikes: int = 0
    deployment: Deployment = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event)
    dead_letters_before: int = 0
    abandoned_runs: list[str] = field(default_factory=list)

    @cached_property
    def rng(self) -> random.Random:
        return random.Random(f"{self.seed}:{self.number}")  # noqa: S311 - a workload, not a secret

    @cached_property
    def policy(self) -> str:
        drawn = random.Random(f"{self.seed}:{self.number}:policy").choice(["replace", "append", "ignore"])  # noqa: S311
        return self.fault.policy or drawn

    @cached_property
    def versioned(self) -> bool:
        drawn = random.Random(f"{self.seed}:{self.number}:bucket").random() < 0.7  # noqa: S311
        return drawn if self.fault.versioned is None else self.fault.versioned

    @cached_property
    def bad_share(self) -> float:
        """How many of its objects have bad rows."""
        drawn = random.Random(f"{self.seed}:{self.number}:bad").random() < 0.6  # noqa: S311
        return BAD_SHARE if (drawn if self.fault.bad_rows is None else self.fault.bad_rows) else 0.0

    @property
    def asks_for_jobs(self) -> bool:
        """Whether its deployment accepts jobs over HTTP."""
        return False

    @property
    def quarantine(self) -> str:
        return f"{self.table}__quarantine"

    @property
    def table(self) -> str:
        return f"trials.t{self.number:04d}"

    @property
    def prefix(self) -> str:
        return f"t{self.number:04d}/"

    @property
    def queue(self) -> str:
        return QUEUE

    @property
    def bucket(self) -> str:
        return VERSIONED_BUCKET if self.versioned else PLAIN_BUCKET

    def table_settings(self) -> dict[str, Any]:
        """The trial's table as ingest.yaml declares it."""
        drawn = random.Random(f"{self.seed}:{self.number}:table")  # noqa: S311
        settings: dict[str, Any] = {
            "name": self.table, "queue": self.queue, "bucket": self.bucket, "prefix": self.prefix,
            "format": "ndjson", "columns": COLUMNS, "on_overwrite": self.policy,
        }  # fmt: skip
        if drawn.random() < 0.5:
            settings["partition"] = {
                "every": "day", "start": "2026-01-01", "from": "key",
                "pattern": "dt=(?P<partition>[0-9-]{10})",
            }  # fmt: skip
        if drawn.random() < 0.3:
            settings["partition_spec"] = ["bucket[2](customer_id)"]
        return settings

    @cached_property
    def landing(self) -> Landing:
        return Landing(
            self.deployment.s3, self.deployment.sqs, queue_url=self.deployment.queue_url(self.queue),
            bucket=self.bucket, prefix=self.prefix, rng=self.rng, bad_share=self.bad_share,
        )  # fmt: skip

    def write_new(self, count: int | None = None) -> list[Write]:
        """Objects under new keys, each expected in the table; 5 to 24 of them unless it is said how many."""
        writes = [self.landing.write(key) for key in self.landing.new_keys(count or self.rng.randint(5, 24))]
        self.expected.all_of(writes)
        return writes

    def land(self, count: int | None = None) -> list[Write]:
        """The plainest workload: new objects, one event for each, in order."""
        writes = self.write_new(count)
        self.landing.announce(writes)
        return writes

    def mend(self) -> None:
        """Settings that read the times that nobody could read; what was expected up to now is expected so."""
        self.deployment.change_table(self.table, columns={**COLUMNS, "at": MENDED_TIMES})
        for key, choices in self.expected.choices.items():
            self.expected.choices[key] = [
                frozenset({write.once_mended() for write in chosen}) for chosen in choices
            ]

    def arm(self, point: str, action: Action, *, seconds: float = 0.0) -> None:
        """Have the next process that comes to the point carry the action out."""
        daemon = self.deployment.daemons[FIRST_DAEMON]
        self.deployment.control.arm(point, Order(action, daemon.pid, seconds))

    def proxy_rule(self, operation: str, effect: Effect, *, times: int = 1, seconds: float = 0.0) -> Rule:
        """Have the proxy do this to the next calls of the operation."""
        return self.deployment.proxy.rules.add(Rule(operation, effect, times, seconds))

    def await_mark(self, point: str) -> Mark:
        """Wait until the armed point was reached; counts as a strike."""
        self.wait(
            lambda: self.deployment.control.mark(point) is not None or self.is_over(), f"{point} reached"
        )
        mark = self.deployment.control.mark(point)
        if mark is None:
            raise NotReached(point)
        self.strikes += 1
        return mark

    def await_first_run(self) -> None:
        """Wait until a run of the trial is queued; looks often, for it does not stay so for long."""

        def is_queued() -> bool:
            runs = self.deployment.runs(self.table)
            return bool(runs) and runs[0][2] != "NOT_STARTED"

        self.wait(is_queued, "a run in the queue", pause=0.02)

    def wait(self, what: Callable[[], bool], name: str, *, pause: float = POLL_SECONDS) -> None:
        """Wait until it holds, restarting daemons that die; raises Stuck at the deadline."""
        allowed = self.fault.deadline_seconds + START_TIMEOUT.total_seconds()
        deadline = self.started_at + SLOWNESS * allowed
        while not what():
            if time.monotonic() > deadline:
                raise Stuck(f"{name} did not happen")
            self.deployment.revive_daemons()
            if self.stopping.wait(pause):
                raise Interrupted

    def pass_time(self, seconds: float) -> None:
        """Let so much time go by."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, "time passing")

    def kill_runs(self) -> int:
        """SIGKILL every run worker; gives how many there were."""
        victims = [pid for one in self.deployment.daemons.values() for pid in run_workers(one.pid)]
        for pid in victims:
            _send(pid, signal.SIGKILL)
        return len(victims)

    def kill_daemon(self) -> None:
        """SIGKILL the first daemon and its code server, not its runs."""
        daemon = self.deployment.daemons[FIRST_DAEMON]
        kill_daemon(daemon.pid)
        daemon.wait(10)

    @contextmanager
    def daemon_frozen(self) -> Iterator[None]:
        """The first daemon, but neither its code server nor its runs, stands still while the block runs."""
        daemon = self.deployment.daemons[FIRST_DAEMON]
        _send(daemon.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            _send(daemon.pid, signal.SIGCONT)

    def kill_everything(self) -> None:
        """SIGKILL the first daemon with all that it started."""
        daemon = self.deployment.daemons[FIRST_DAEMON]
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait(10)

    def freeze_runs(self) -> list[int]:
        """SIGSTOP every run worker; gives their process ids."""
        pids = [pid for one in self.deployment.daemons.values() for pid in run_workers(one.pid)]
        for pid in pids:
            _send(pid, signal.SIGSTOP)
        return pids

    def thaw(self, pid: int) -> None:
        """SIGCONT a frozen process."""
        _send(pid, signal.SIGCONT)

    def await_end(self, mark: Mark) -> None:
        """Wait until the process of the mark has ended."""
        self.wait(lambda: not is_alive(mark.pid), f"the end of process {mark.pid}")

    def settle(self) -> None:
        """Wait until the deployment has come to rest, as far as this trial's table goes.

        A run that Dagster goes on to take for working, though nobody does, is noted: it holds one of the few
        places in the run queue for ever.
        """
        self.wait(self.is_at_rest, "settling")
        end = time.monotonic() + LAST_WORDS_SECONDS
        self.wait(lambda: not self._unfinished_runs() or time.monotonic() > end, "the end of the runs")
        self.abandoned_runs = self._unfinished_runs()
        # What a killed run has not told Dagster, a tick does once the run has ended.
        end = time.monotonic() + ALERT_SECONDS
        self.wait(lambda: not self._unreported() or time.monotonic() > end, "the materializations")

    def _unreported(self) -> bool:
        query = (
            "select 1 from unreported u join batches b on b.queue = u.queue and b.batch_id = u.batch_id "
            "where b.table_name = :table"
        )
        return bool(self.deployment.ledger(query, table=self.table))

    def is_over(self) -> bool:
        """The trial's work is at rest, and all of its runs have ended."""
        return self.is_at_rest() and not self._unfinished_runs()

    def is_at_rest(self) -> bool:
        """All events are known, and no object, batch or message of the trial is under way."""
        if self._open_batches():
            return False
        recorded = self.deployment.recorded(self.table)
        return (
            self.expected.is_known(recorded.keys())
            and all(one.state not in ("pending", "planned") for one in recorded.values())
            and not self._open_batches()  # one may have been planned since we looked
            and self.deployment.messages_in(self.queue) == len(self.expected.failed)
        )

    def verdict(self) -> Verdict:
        """The judgement of what the trial left behind."""
        found, set_aside = self.deployment.found(self.table), self.deployment.set_aside(self.table)
        verdict = judge_rows(self.expected, found, set_aside)
        known = {(one.uri, one.version) for one in found} | {(one.uri, one.version) for one in set_aside}
        ledger = judge_ledger(self.expected, self.deployment.recorded(self.table), known)
        verdict.stuck += ledger.stuck
        dead = self.deployment.dead_letters() - self.dead_letters_before
        if dead > 0:
            verdict.stuck.append(f"{dead} messages went to the DLQ")
        verdict.stuck += [f"Dagster takes {run} for unfinished for ever" for run in self.abandoned_runs]
        verdict.untrue += judge_told(
            self.deployment.told(self.table), self.deployment.settled_batches(self.table)
        )
        return verdict

    def await_alerts(self) -> None:
        """Wait until each failed run is reported; who is not in time is for the verdict to say.

        A frozen run is declared failed, and ends well once it wakes up: its alert comes nevertheless, later.
        """
        end = time.monotonic() + ALERT_SECONDS

        def are_reported() -> bool:
            return not runs_without_alert(self.deployment.told(self.table))

        self.wait(lambda: are_reported() or time.monotonic() > end, "alerts", pause=1.0)

    def extra_attempts(self) -> int:
        """How many attempts beyond the first its batches took."""
        rows = self.deployment.ledger(
            "select coalesce(sum(attempt - 1), 0) from batches where table_name = :table", table=self.table
        )
        return int(rows[0][0]) if rows else 0

    def _unfinished_runs(self) -> list[str]:
        runs = self.deployment.runs(self.table)
        return [f"run {run_id} ({status})" for _, run_id, status in runs if status not in FINISHED]

    def _open_batches(self) -> int:
        rows = self.deployment.ledger(
            "select count(*) from batches where table_name = :table and state = 'planned'", table=self.table
        )
        return int(rows[0][0]) if rows else 0


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def announced_once_or_more(trial: Trial, writes: Sequence[Write]) -> None:
    """Send the events in an order of the seed's choosing, some of them several times."""
    events = [*writes, *trial.rng.choices(writes, k=len(writes) // 2)]
    trial.rng.shuffle(events)
    trial.landing.announce(events)
