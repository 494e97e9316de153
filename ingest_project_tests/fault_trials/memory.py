"""The resident memory of daemon, code server and runs over time."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from ingest_project_tests.fault_trials.processes import members_of_group, resident_kib, run_workers

CODE_SERVER = b"grpc"


@dataclass
class MemoryWatch:
    """Samples a daemon's process group each second until stopped; `peaks` are MiB by kind, one for each
    part.
    """

    group: int
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "MemoryWatch":
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)

    def peaks(self, kind: str, parts: int = 3) -> list[float]:
        """The highest MiB of a single process of the kind, in each of so many equal parts of the time."""
        samples = self.samples[kind]
        if not samples:
            return []
        first, last = samples[0][0], samples[-1][0] + 0.001
        highest = [0.0] * parts
        for at, mib in samples:
            part = int((at - first) / (last - first) * parts)
            highest[part] = max(highest[part], mib)
        return highest

    def _watch(self) -> None:
        while not self._done.wait(1):
            runs = set(run_workers(self.group))
            for pid in members_of_group(self.group):
                kind = "run" if pid in runs else _kind(pid, self.group)
                if kind is not None:
                    self.samples[kind].append((time.monotonic(), resident_kib(pid) / 1024))


def _kind(pid: int, group: int) -> str | None:
    if pid == group:
        return "daemon"
    try:
        return "code server" if CODE_SERVER in Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except OSError:
        return None
