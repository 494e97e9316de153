"""The ledger or the catalog locked for some seconds, cut off, or silent about a commit that it made."""

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.outages import Repeated, cut_connections, down, locked
from ingest_project_tests.fault_trials.trial import Fault, Trial

LOCK_SECONDS = 8.0
DOWN_SECONDS = 15.0
LONG_LOCK_SECONDS = 45.0
"""Longer than the ledger waits for a lock (30 s), and than a lease lasts."""


def ledger_locked_at(point: str, seconds: float, name: str) -> Fault:
    """The ledger is locked while a run goes on from a point."""

    def script(trial: Trial) -> None:
        trial.arm(point, Action.PAUSE, seconds=1)
        trial.land()
        trial.await_mark(point)
        with locked(trial.deployment.databases.ledger):
            trial.pass_time(seconds)
        trial.settle()

    return Fault(name, script, deadline_seconds=400)


def catalog_locked_at(point: str, seconds: float, name: str) -> Fault:
    """The catalog is locked while a run goes on from a point."""

    def script(trial: Trial) -> None:
        trial.land(4)
        trial.settle()  # the catalog's own tables exist from here on
        trial.arm(point, Action.PAUSE, seconds=1)
        trial.land()
        trial.await_mark(point)
        with locked(trial.deployment.databases.catalog):
            trial.pass_time(seconds)
        trial.settle()

    return Fault(name, script, deadline_seconds=400)


def connections_cut_at(point: str) -> Fault:
    """PostgreSQL ends all connections when a run has come to a point."""

    def script(trial: Trial) -> None:
        trial.arm(point, Action.PAUSE, seconds=1)
        trial.land()
        trial.await_mark(point)
        cut_connections(trial.deployment.databases)
        trial.settle()

    return Fault(f"postgres-connections-cut-{point}", script, databases="postgres", bad_rows=_bad_rows(point))


def down_at(point: str) -> Fault:
    """PostgreSQL is out of reach, as while it restarts, when a run has come to a point."""

    def script(trial: Trial) -> None:
        trial.arm(point, Action.PAUSE, seconds=1)
        trial.land()
        trial.await_mark(point)
        with down(trial.deployment.databases):
            trial.pass_time(DOWN_SECONDS)
        trial.settle()

    return Fault(f"postgres-down-{point}", script, databases="postgres", bad_rows=_bad_rows(point))


def connections_cut_again_and_again(trial: Trial) -> None:
    """PostgreSQL ends all connections every 0.7 seconds for a while; then the work must come to its end."""
    trial.land()
    with Repeated(trial.deployment.databases, 0.7) as cutting:
        trial.pass_time(20)
    trial.strikes += cutting.total > 0
    trial.settle()


def commit_answer_swallowed(which: str, number: int) -> Fault:
    """PostgreSQL commits, but the connection is cut before its answer: the n-th commit of ledger or
    catalog.
    """

    def script(trial: Trial) -> None:
        relay = trial.deployment.databases.relays[which]
        trial.arm("after-start", Action.PAUSE, seconds=1.5)
        trial.land()
        trial.await_mark("after-start")
        relay.swallow(after=number)
        trial.wait(lambda: relay.swallowed or trial.is_over(), "a commit swallowed")
        trial.strikes = int(relay.swallowed)
        trial.settle()
        relay.forgive()

    return Fault(f"postgres-{which}-commit-{number}-swallowed", script, databases="postgres")


def _bad_rows(point: str) -> bool | None:
    """Only a batch with bad rows comes to the quarantine's commit."""
    return True if point.startswith("quarantine") else None


OUTAGES = (
    ledger_locked_at("after-fetch", LOCK_SECONDS, "ledger-locked"),
    ledger_locked_at("after-commit", LONG_LOCK_SECONDS, "ledger-locked-for-long-after-commit"),
    catalog_locked_at("after-data-files", LOCK_SECONDS, "catalog-locked"),
    *(
        connections_cut_at(point)
        for point in (
            "after-start",
            "after-data-files",
            "after-confirm",
            "quarantine-committed",
            "after-commit",
        )
    ),
    *(down_at(point) for point in ("after-fetch", "after-confirm", "quarantine-committed", "after-commit")),
    Fault("postgres-connections-cut-all-the-time", connections_cut_again_and_again, databases="postgres"),
    *(commit_answer_swallowed("ledger", number) for number in (0, 1, 2)),
    *(commit_answer_swallowed("catalog", number) for number in (0, 1, 2)),
)
