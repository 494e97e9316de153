"""What a contestant of the whole path is given, and the process that runs it."""

import importlib
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest_project_tests.bench.rounds import Refused, Run

NAMESPACE = "bench"
TABLE = "bench.orders"
IMPORTED = (
    "boto3",
    "obstore.store",
    "polars",
    "pyiceberg.catalog.sql",
    "pyiceberg.io.pyarrow",
    "pyiceberg_core",
)
"""What all contestants need, imported before the clock starts, as in a process that has served before."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Bring what the queue's messages name, so many objects, into the table of the catalog in `home`.

    The objects are in `bucket` below `prefix`, of this format and these columns (Iceberg's type names).
    """

    endpoint: str
    bucket: str
    prefix: str
    queue_url: str
    home: str
    objects: int
    format: str
    columns: dict[str, str]

    @property
    def catalog_uri(self) -> str:
        """The SQL catalog, in a file of its own for each contestant."""
        return f"sqlite:///{self.home}/catalog.db"


def command(contestant: str, asked: Asked) -> list[str]:
    """The command that runs a contestant, `module:function`; it prints what it took."""
    return [sys.executable, "-m", __name__, contestant, json.dumps(asdict(asked))]


def main(contestant: str, asked: str) -> None:
    """Run the contestant, and print what it took."""
    for needed in IMPORTED:
        importlib.import_module(needed)
    module, name = contestant.split(":")
    run = getattr(importlib.import_module(module), name)
    given = Asked(**json.loads(asked))
    os.chdir(given.home)
    started, cpu_started = time.perf_counter(), time.process_time()
    try:
        run(given)
    except Exception as error:
        print(json.dumps({"refused": f"{type(error).__name__}: {error}"[:300]}))  # noqa: T201
        return
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mib": peak_mib()}))  # noqa: T201


def run_of(printed: str) -> Run:
    """What the process printed; raises Refused if the contestant could not do it."""
    answer = json.loads(printed.splitlines()[-1])
    if "refused" in answer:
        raise Refused(answer["refused"])
    return Run(**answer)


def peak_mib() -> float:
    """The most memory that this process held. `ru_maxrss` alone would count the parent's before the start."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main(*sys.argv[1:])
