"""The soak: many objects of mixed sizes, some of them faulty, over a network that sometimes fails."""

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ingest_project_tests.fault_trials.deployment import FIRST_DAEMON, QUEUE, Deployment
from ingest_project_tests.fault_trials.harness import deployment
from ingest_project_tests.fault_trials.memory import MemoryWatch
from ingest_project_tests.fault_trials.object_faults import UNREADABLE
from ingest_project_tests.fault_trials.oracle import Verdict
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule
from ingest_project_tests.fault_trials.trial import Fault, Trial
from ingest_project_tests.fault_trials.workload import Write

PORTION = 500
OBJECTS_OF_A_BATCH = 1000
WAVES_PAUSE_SECONDS = 2.0
GROWTH = 1.25
"""How much higher the last third's peak may be than the middle third's: memory that grows without end shows
in it."""
FAULTY = ("missing", "unreadable", "overwritten", "announced_twice")
FAILING_CALLS = {
    "GetObject": Effect.SERVER_ERROR,
    "ReceiveMessage": Effect.LOSE_ANSWER,
    "DeleteMessageBatch": Effect.LOSE_ANSWER,
    "ChangeMessageVisibilityBatch": Effect.THROTTLE,
}


@dataclass(frozen=True, slots=True)
class SoakPlan:
    """How much, how faulty, and how long at the most."""

    objects: int
    fault_rate: float
    seed: int
    databases: str
    deadline_seconds: float


@dataclass
class Soak:
    """Lands the objects in portions while a real daemon ingests them."""

    plan: SoakPlan
    place: Deployment
    trial: Trial
    kinds: Counter[str] = field(default_factory=Counter)
    put_bytes: int = 0

    def run(self, console: Console) -> tuple[Verdict, MemoryWatch]:
        """The verdict once all is settled, and the memory that it took."""
        rules = [
            self.place.proxy.rules.add(
                Rule(operation, effect, times=sys.maxsize, probability=self.plan.fault_rate)
            )
            for operation, effect in FAILING_CALLS.items()
        ]
        with MemoryWatch(self.place.daemons[FIRST_DAEMON].pid) as memory:
            for start in range(0, self.plan.objects, PORTION):
                self._land(min(PORTION, self.plan.objects - start))
                self.trial.pass_time(WAVES_PAUSE_SECONDS)
            console.print(
                f"landed {self.plan.objects} objects, {self.put_bytes / 1e6:.0f} MB: {dict(self.kinds)}"
            )
            self.trial.wait(self._is_settled, "settling")
            self.trial.wait(self._queue_is_drained, "the failed messages' way to the DLQ")
        console.print("calls that failed:", {rule.operation: rule.hits for rule in rules})
        return self._verdict(), memory

    def _land(self, count: int) -> None:
        events: list[Write] = []
        for key in self.trial.landing.new_keys(count):
            events += self._land_one(key)
        self.trial.rng.shuffle(events)
        self.trial.landing.announce(events)

    def _land_one(self, key: str) -> list[Write]:
        rng = self.trial.rng
        kind = rng.choice(FAULTY) if rng.random() < self.plan.fault_rate else "sound"
        self.kinds[kind] += 1
        body = UNREADABLE if kind == "unreadable" else None
        write = self.trial.landing.write(key, rows=0 if body else _rows(rng), body=body)
        self.put_bytes += write.size_bytes
        if kind == "missing":
            self.trial.landing.delete(write, for_good=True)
        if kind in ("missing", "unreadable"):
            self.trial.expected.failed[write] = kind
            return [write]
        writes = [write, self.trial.landing.write(key)] if kind == "overwritten" else [write]
        self.trial.expected.one_of(key, writes[-1:])
        return writes * 2 if kind == "announced_twice" else writes

    def _is_settled(self) -> bool:
        query = "select state, count(*) from object_versions group by state"
        states = dict(self.place.ledger(query))
        known = self.plan.objects + self.kinds["overwritten"]
        return sum(states.values()) == known and not states.get("pending") and not states.get("planned")

    def _queue_is_drained(self) -> bool:
        return self.place.messages_in(QUEUE) == 0

    def _verdict(self) -> Verdict:
        self.trial.dead_letters_before = len(self.trial.expected.failed)  # these are where they belong
        verdict = self.trial.verdict()
        dead = self.place.dead_letters()
        if dead != len(self.trial.expected.failed):
            verdict.stuck.append(
                f"{len(self.trial.expected.failed)} messages must be in the DLQ, and {dead} are"
            )
        open_batches = self.place.ledger("select count(*) from batches where state = 'planned'")[0][0]
        if open_batches:
            verdict.stuck.append(f"{open_batches} batches are open")
        return verdict


def soak(plan: SoakPlan, console: Console) -> int:
    """0 if nothing was lost, duplicated or stuck, and memory stayed flat."""
    fault = Fault(
        "soak", _no_script, policy="replace", versioned=True, deadline_seconds=plan.deadline_seconds
    )
    trial = Trial(fault, 0, plan.seed)
    trial.bad_share = plan.fault_rate
    table = {**trial.table_settings(), "batch": {"max_objects": OBJECTS_OF_A_BATCH}}
    home = Path(tempfile.mkdtemp(prefix="fault-trials-soak-"))
    started = time.monotonic()
    (home / "deployment").mkdir()
    with deployment(home / "deployment", plan.databases, [table]) as place:
        trial.deployment, trial.started_at = place, started
        verdict, memory = Soak(plan, place, trial).run(console)
    flat = [_report(console, memory, kind) for kind in ("daemon", "code server", "run")]
    totals = (
        f"lost {verdict.lost}, duplicated {verdict.duplicated}, wrong {verdict.wrong}, stuck {verdict.stuck}"
    )
    console.print(f"{totals}; {time.monotonic() - started:.0f} s", soft_wrap=True)
    if verdict.is_clean and all(flat):
        shutil.rmtree(home, ignore_errors=True)
        return 0
    console.print(*verdict.details[:20], f"kept: {home}", sep="\n", soft_wrap=True)
    return 1


def _report(console: Console, memory: MemoryWatch, kind: str) -> bool:
    peaks = memory.peaks(kind)
    flat = bool(peaks) and peaks[-1] <= GROWTH * max(peaks[:-1])
    thirds = ", ".join(f"{peak:.0f}" for peak in peaks)
    console.print(f"peak MiB of a {kind} by thirds of the time: {thirds} ({'flat' if flat else 'GROWS'})")
    return flat


def _rows(rng: random.Random) -> int:
    """Mostly small objects, some of thousands of rows."""
    return int(min(20_000, rng.lognormvariate(3, 1.3)))


def _no_script(_trial: Trial) -> None:
    """A soak is not a trial of one fault."""
