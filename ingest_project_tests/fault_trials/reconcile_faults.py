"""Faults of `ingest reconcile --enqueue`: it is killed between portions, and claims beside a live sensor."""

from collections.abc import Sequence

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.trial import Fault, Trial
from ingest_project_tests.fault_trials.typed_commands import await_end, killed, type_until, typed
from ingest_project_tests.fault_trials.workload import Write

POINTS = ("after-look", "before-claim-listed", "after-claim-listed")
MISSED = 12
"""Four portions of the command's claims."""


def killed_at(point: str) -> Fault:
    """The command dies there, is typed again, and finds the rest."""

    def script(trial: Trial) -> None:
        trial.expected.all_of(_as_listed(trial, _missed(trial)))
        killed(trial, point, *_command(trial))
        _reconcile(trial)
        trial.settle()

    return Fault(f"reconcile-killed-{point}", script)


def killed_and_announced(trial: Trial) -> None:
    """The command dies between two portions, then the events of all objects come after all."""
    writes = _either(trial, _missed(trial))
    killed(trial, "after-claim-listed", *_command(trial))
    trial.landing.announce(writes)
    _reconcile(trial)
    trial.settle()


def sensor_was_first(trial: Trial) -> None:
    """The events come while the command stands between its look and its claim: the sensor claims them."""
    writes = _either(trial, _missed(trial))
    trial.arm("before-claim-listed", Action.PAUSE, seconds=8)
    process = typed(trial, *_command(trial))
    trial.await_mark("before-claim-listed")
    trial.landing.announce(writes)
    await_end(trial, process)
    _reconcile(trial)
    trial.settle()


def at_once(trial: Trial) -> None:
    """Two commands have found the same objects, and both claim them."""
    trial.expected.all_of(_as_listed(trial, _missed(trial)))
    trial.arm("before-claim-listed", Action.PAUSE, seconds=8)
    first = typed(trial, *_command(trial))
    trial.await_mark("before-claim-listed")
    second = typed(trial, *_command(trial))
    await_end(trial, first, second)
    _reconcile(trial)
    trial.settle()


def overwritten_unseen(trial: Trial) -> None:
    """Objects in the table were overwritten, their events are lost, and the command is killed."""
    first = trial.land(MISSED)
    trial.settle()
    trial.expected.choices.clear()
    trial.expected.all_of(first[::2])
    again = [trial.landing.write(write.key) for write in first[1::2]]
    trial.expected.all_of(_as_listed(trial, again))
    killed(trial, "after-claim-listed", *_command(trial))
    _reconcile(trial)
    trial.settle()


def run_killed(point: str) -> Fault:
    """A run that ingests what was claimed without a message dies."""

    def script(trial: Trial) -> None:
        trial.expected.all_of(_as_listed(trial, _missed(trial)))
        trial.arm(point, Action.KILL_SELF)
        _reconcile(trial)
        trial.await_mark(point)
        trial.settle()

    return Fault(f"reconcile-run-killed-{point}", script)


def _missed(trial: Trial) -> list[Write]:
    """Objects whose events are lost."""
    return [trial.landing.write(key) for key in trial.landing.new_keys(MISSED)]


def _as_listed(trial: Trial, writes: Sequence[Write]) -> list[Write]:
    """The writes, by the versions that a listing tells."""
    return [write if trial.versioned else write.as_listed() for write in writes]


def _either(trial: Trial, writes: Sequence[Write]) -> list[Write]:
    """Expects each write under the version that the event tells, or under that of the listing."""
    for write, listed in zip(writes, _as_listed(trial, writes), strict=True):
        trial.expected.either(write.key, {write, listed})
    return list(writes)


def _command(trial: Trial) -> tuple[str, ...]:
    return ("reconcile", trial.table, "--grace", "0s", "--enqueue")


def _reconcile(trial: Trial) -> None:
    type_until(trial, lambda: True, *_command(trial))


RECONCILES = (
    *(killed_at(point) for point in POINTS),
    Fault("reconcile-killed-and-announced", killed_and_announced),
    Fault("reconcile-sensor-was-first", sensor_was_first),
    Fault("reconcile-twice-at-once", at_once),
    Fault("reconcile-overwritten-unseen", overwritten_unseen, policy="replace"),
    *(run_killed(point) for point in ("after-start", "catalog-committed", "after-settle")),
)
