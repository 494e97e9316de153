"""A process of its own for each measurement, so that none has the modules, memory or threads of another."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from ingest_project_tests.bench.path.asked import peak_mib
from ingest_project_tests.bench.rounds import Refused, Run

LONGEST_SECONDS = 3600


class Stopwatch:
    """Takes the time of a block; `taken` is what it took, as JSON of a `Run`."""

    def __enter__(self) -> Self:
        self._started, self._cpu_started = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self.cpu_seconds = time.process_time() - self._cpu_started

    @property
    def taken(self) -> dict[str, float]:
        return {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds, "peak_mib": peak_mib()}


def answer_of(function: str, given: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Any:
    """What `module:function` returns in a new process, by way of JSON. Raises Refused if it raises."""
    command = [sys.executable, "-m", __name__, function, json.dumps(given)]
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False,
        timeout=LONGEST_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{function}: {done.stderr[-4000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer["answer"]


def run_of(taken: Mapping[str, float]) -> Run:
    """What a stopwatch of another process took."""
    return Run(**taken)


def main(function: str, given: str) -> None:
    """Call the function, and print what it returns, or why it could not."""
    module, name = function.split(":")
    run = getattr(importlib.import_module(module), name)
    try:
        answer = {"answer": run(**json.loads(given))}
    except Exception as error:
        answer = {"refused": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer))  # noqa: T201 - read by the process that asked


if __name__ == "__main__":
    main(*sys.argv[1:])
