"""Runs trials: several deployments side by side, each serving its share of trials one after the other."""

import random
import shutil
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from botocore.exceptions import ClientError
from sqlalchemy.exc import SQLAlchemyError

from ingest_project_tests import databases
from ingest_project_tests.bench.landing import ministack
from ingest_project_tests.fault_trials.deployment import FIRST_DAEMON, Deployment
from ingest_project_tests.fault_trials.oracle import Verdict
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.trial import Fault, Interrupted, NotReached, Stuck, Trial

TRIALS_OF_A_DEPLOYMENT = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan: so many trials by a seed, of these faults in turn, or a single one by its number."""

    seed: int
    faults: Sequence[Fault]
    trials: int = 0
    only: int | None = None
    databases: str = "sqlite"
    workers: int = 2

    def make(self) -> list[Trial]:
        """The trials: each fault once before any comes twice, in an order that the seed draws."""
        order = list(self.faults)
        random.Random(self.seed).shuffle(order)  # noqa: S311 - an order, not a secret
        numbers = range(self.trials) if self.only is None else [self.only]
        return [order[number % len(order)].trial(number, self.seed) for number in numbers]

    def replay(self, trial: Trial) -> str:
        """The command that runs this trial alone, in a fresh deployment."""
        return (
            f"make faults SEED={self.seed} TRIAL={trial.number} FAULT={trial.fault.name} "
            f"LEDGER={self.databases}"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a trial."""

    fault: str
    number: int
    reached: bool
    strikes: int
    recoveries: int
    restarts: int
    seconds: float
    verdict: Verdict
    replay: str
    folder: str | None = None

    @property
    def passed(self) -> bool:
        return self.verdict.is_clean

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Harness:
    """Runs a plan; `report` is called with every result as it comes."""

    plan: Plan
    report: Callable[[Result], None]
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="fault-trials-")))
    results: list[Result] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    _crashes: list[str] = field(default_factory=list)

    def run(self) -> list[Result]:
        """All results. On Ctrl-C, what is under way ends with everything that it started."""
        shares: SimpleQueue[list[Trial]] = SimpleQueue()
        for share in _shares(self.plan.make(), self.plan.workers):
            shares.put(share)
        threads = [
            threading.Thread(target=self._work, args=(shares, number), name=f"trials-{number}")
            for number in range(self.plan.workers)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except KeyboardInterrupt:
            self.stopping.set()
            for thread in threads:
                thread.join()
            self._clear()
            raise
        if self._crashes:
            raise RuntimeError("the harness itself failed:\n" + "\n".join(self._crashes))
        self._clear()
        return self.results

    def _clear(self) -> None:
        """Keep the folders of deployments that failed, and nothing else."""
        if all(result.passed for result in self.results):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _work(self, shares: "SimpleQueue[list[Trial]]", number: int) -> None:
        while not self.stopping.is_set():
            try:
                share = shares.get_nowait()
            except Empty:
                return
            try:
                while share and not self.stopping.is_set():
                    share = self._serve(share, self.folder / f"deployment-{number}-{share[0].number}")
            except Interrupted:
                return
            except Exception:
                self._crashes.append(traceback.format_exc())
                self.stopping.set()

    def _serve(self, share: list[Trial], home: Path) -> list[Trial]:
        """Trials on one deployment, until one fails; gives those that are left."""
        home.mkdir(parents=True)
        keep = False
        left = list(share)
        with deployment(
            home,
            self.plan.databases,
            [trial.table_settings() for trial in share],
            with_jobs=any(trial.asks_for_jobs for trial in share),
        ) as place:
            while left and not self.stopping.is_set():
                trial = left.pop(0)
                result = self._try(trial, place)
                self.results.append(result)
                self.report(result)
                if not result.passed:
                    keep = True
                    break
        if not keep:
            shutil.rmtree(home, ignore_errors=True)
        return left

    def _try(self, trial: Trial, place: Deployment) -> Result:
        trial.deployment, trial.stopping = place, self.stopping
        trial.dead_letters_before = place.dead_letters()
        trial.started_at = started = time.monotonic()
        restarts = place.restarts
        reached, verdict = _judged(trial)
        _tidy_up(trial, place)
        return Result(
            fault=trial.fault.name, number=trial.number, reached=reached and trial.strikes > 0,
            strikes=trial.strikes, recoveries=trial.extra_attempts(), restarts=place.restarts - restarts,
            seconds=time.monotonic() - started, verdict=verdict, replay=self.plan.replay(trial),
            folder=None if verdict.is_clean else str(place.home),
        )  # fmt: skip


@contextmanager
def deployment(
    home: Path, kind: str, tables: Sequence[dict[str, Any]], *, with_jobs: bool = False
) -> Iterator[Deployment]:
    """A deployment in a folder; everything that it starts ends with the block."""
    with ExitStack() as stack:
        upstream = stack.enter_context(ministack(home))
        place = Deployment(
            home, upstream,
            databases.relayed(databases.postgres()) if kind == "postgres" else databases.sqlite(home),
            proxy=FaultProxy(upstream),
        )  # fmt: skip
        stack.callback(place.close)
        place.open(tables, with_jobs=with_jobs)
        yield place


def _shares(trials: list[Trial], workers: int) -> list[list[Trial]]:
    """Portions for one deployment each, as many for every worker."""
    if not trials:
        return []
    rounds = -(-len(trials) // (TRIALS_OF_A_DEPLOYMENT * workers))
    size = max(1, -(-len(trials) // (rounds * workers)))  # equal ones: no worker is left alone at the end
    return [trials[start : start + size] for start in range(0, len(trials), size)]


def _judged(trial: Trial) -> tuple[bool, Verdict]:
    """Whether the fault could strike, and what it did."""
    stuck: list[str] = []
    reached = True
    try:
        try:
            trial.fault.script(trial)
        except NotReached:
            reached = False
            trial.settle()
        trial.await_alerts()
    except Stuck as error:
        stuck.append(str(error))
    except (OSError, RuntimeError, SQLAlchemyError, ClientError) as error:
        stuck.append(f"the trial itself failed: {type(error).__name__}: {error}")
    verdict = trial.verdict()
    verdict.stuck += stuck
    return reached, verdict


def _tidy_up(trial: Trial, place: Deployment) -> None:
    """Leave nothing of the trial for the next one."""
    place.proxy.rules.clear()
    place.control.disarm()
    for name in [name for name in place.daemons if name != FIRST_DAEMON]:
        place.stop(name)
    if trial.expected.failed:
        place.purge_queue()
    place.revive_daemons()
