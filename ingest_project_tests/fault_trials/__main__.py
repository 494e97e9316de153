"""`make faults`: try to break exactly-once, and say what broke."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from ingest_project_tests.databases import SERVER_VARIABLE
from ingest_project_tests.fault_trials.catalogue import CATALOGUE, faults
from ingest_project_tests.fault_trials.harness import Harness, Plan
from ingest_project_tests.fault_trials.soak import SoakPlan, soak
from ingest_project_tests.fault_trials.summary import print_result, print_summary


def main(arguments: list[str] | None = None) -> int:
    """0 if every trial passed."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.ledger == "postgres" and SERVER_VARIABLE not in os.environ:
        parser.error(f"--ledger postgres needs a server that may be filled: set {SERVER_VARIABLE}")
    console = Console(width=None if sys.stdout.isatty() else 150)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)  # also where a shell has started us with SIGINT ignored
    if given.mode == "soak":
        plan = SoakPlan(given.objects, given.fault_rate, given.seed, given.ledger, given.deadline)
        return soak(plan, console)
    return _trials(given, console)


def _trials(given: argparse.Namespace, console: Console) -> int:
    chosen = faults(given.fault, given.ledger)
    if given.list or not chosen:
        console.print("\n".join(fault.name for fault in chosen or CATALOGUE))
        return 0 if given.list else 2
    plan = Plan(
        given.seed,
        chosen,
        trials=given.trials,
        only=given.trial,
        databases=given.ledger,
        workers=given.workers,
    )
    started = time.monotonic()
    harness = Harness(plan, lambda result: print_result(console, result))
    try:
        harness.run()
    except KeyboardInterrupt:
        console.print("interrupted")
    results = harness.results
    print_summary(console, results, time.monotonic() - started)
    if given.json:
        given.json.write_text(json.dumps([result.as_json() for result in results], indent=1))
    return 0 if len(results) == len(plan.make()) and all(result.passed for result in results) else 1


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fault_trials", description=__doc__)
    parser.add_argument("mode", nargs="?", choices=("trials", "soak"), default="trials")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trial", type=int, help="run only the trial of this number")
    parser.add_argument("--ledger", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--workers", type=int, default=2, help="deployments side by side")
    parser.add_argument("--fault", help="only faults of this name, or whose names contain it")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    parser.add_argument("--objects", type=int, default=20_000, help="of a soak")
    parser.add_argument("--fault-rate", type=float, default=0.02, help="of a soak's objects and calls")
    parser.add_argument("--deadline", type=float, default=3_600, help="seconds that a soak may take")
    parser.add_argument("--list", action="store_true", help="list the faults and do nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
