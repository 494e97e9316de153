"""A short, fixed selection of fault trials for every change; `make faults` runs all of them."""

import os
from pathlib import Path

import pytest

from ingest_project_tests.databases import SERVER_VARIABLE
from ingest_project_tests.fault_trials.catalogue import CATALOGUE, faults
from ingest_project_tests.fault_trials.harness import Harness, Plan, Result

SELECTION = {
    "sqlite": (
        "kill-daemon-after-claim",
        "kill-run-after-data-files",
        "kill-run-after-commit",
        "zombie-after-confirm",
        "commit-answer-lost",
        "delete-5xx",
        "rewritten-shuffled-append",
        "raw-kill-run-catalog-committed",
    ),
    "postgres": ("kill-run-after-settle", "postgres-connections-cut-after-commit", "quarantine-all-killed"),
}
TRIALS_OF_A_WORKER = 4


@pytest.mark.e2e
@pytest.mark.parametrize("databases", SELECTION)
def test_nothing_is_lost_duplicated_stuck_or_untrue_whatever_is_killed_frozen_or_silent(
    tmp_path: Path, databases: str
) -> None:
    if databases == "postgres" and SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{SERVER_VARIABLE} is not set")
    names = SELECTION[databases]
    chosen = [fault for fault in CATALOGUE if fault.name in names]
    reported: list[Result] = []
    workers = -(-len(chosen) // TRIALS_OF_A_WORKER)  # each begins with a deployment of its own
    plan = Plan(seed=7, faults=chosen, trials=len(chosen), databases=databases, workers=workers)

    results = Harness(plan, reported.append, folder=tmp_path).run()

    assert sorted(result.fault for result in results) == sorted(names)
    wrong = [one for one in results if not one.passed or not one.reached]
    assert not wrong, "\n".join(f"{one.fault}: reached {one.reached}, {one.verdict}" for one in wrong)
    assert reported == results


def test_plan_is_a_function_of_its_seed() -> None:
    def drawn(seed: int) -> list[tuple[str, str, bool, float]]:
        trials = Plan(seed=seed, faults=CATALOGUE, trials=30).make()
        return [(one.fault.name, one.policy, one.versioned, one.rng.random()) for one in trials]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_replayed_trial_is_the_one_that_failed() -> None:
    plan = Plan(seed=3, faults=faults(None, "sqlite"), trials=200)
    failed = plan.make()[150]

    (replayed,) = Plan(seed=3, faults=faults(failed.fault.name, "sqlite"), only=failed.number).make()

    assert replayed.fault is failed.fault
    assert replayed.table_settings() == failed.table_settings()
    assert replayed.rng.random() == failed.rng.random()
    assert f"SEED=3 TRIAL=150 FAULT={failed.fault.name}" in plan.replay(failed)


def test_every_fault_comes_once_before_any_comes_twice() -> None:
    trials = Plan(seed=1, faults=CATALOGUE, trials=2 * len(CATALOGUE)).make()

    first = {trial.fault.name for trial in trials[: len(CATALOGUE)]}

    assert len(first) == len(CATALOGUE)


def test_names_of_faults_are_unique() -> None:
    assert len({fault.name for fault in CATALOGUE}) == len(CATALOGUE)
