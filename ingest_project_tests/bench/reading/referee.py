"""Measures the reading: each contestant has a process of its own, and they read one case after the other."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ingest_project_tests.bench.reading.case import Bodies, Case
from ingest_project_tests.bench.rounds import PROJECT, Refused, Result, Run, Turn, measured

Ask = Callable[[str], Run]


def measure_reading(
    cases: Sequence[Case], bodies: Bodies, rounds: int, folder: Path, told: Callable[[str], None]
) -> list[Result]:
    """The results of all cases. The bodies are written into the folder first."""
    for case in cases:
        (folder / case.name).write_bytes(case.make(bodies))
    names = {name for case in cases for name in _contestants(case)}
    with ExitStack() as processes:
        asked = {
            name: processes.enter_context(_process(name, folder, cases, bodies)) for name in sorted(names)
        }
        turns = [
            Turn(case.name, name, _asks(asked[name], case.name))
            for case in cases
            for name in _contestants(case)
        ]
        return measured(turns, rounds, told)


def _contestants(case: Case) -> tuple[str, ...]:
    return (PROJECT, *case.rivals)


def _asks(ask: Ask, name: str) -> Callable[[], Run]:
    return lambda: ask(name)


@contextmanager
def _process(name: str, folder: Path, cases: Sequence[Case], bodies: Bodies) -> Iterator[Ask]:
    """A process of this contestant, and the function that asks it for one case."""
    expected = {case.name: case.good_rows(bodies) for case in cases}
    command = [sys.executable, "-m", "ingest_project_tests.bench.reading.contestants", name, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    questions, answers = process.stdin, process.stdout
    assert questions is not None
    assert answers is not None

    def ask(case: str) -> Run:
        questions.write(f"{case}\n")
        questions.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"{name} ended while it read {case}: exit code {process.wait()}")
        answer = json.loads(line)
        if "refused" in answer:
            raise Refused(answer["refused"])
        if answer["rows"] != expected[case]:
            raise Refused(f"it read {answer['rows']:,} rows, not {expected[case]:,}")
        return Run(answer["seconds"], answer["cpu_seconds"])

    try:
        yield ask
    finally:
        process.kill()
        process.wait()
        questions.close()
        answers.close()
