"""Processes in /proc: which belong to a daemon, which are run workers, and which are alive."""

from pathlib import Path

RUN_WORKER = b"multiprocessing.spawn"
"""Dagster's default launcher starts a run as a spawned child of the code server."""


def members_of_group(group: int) -> list[int]:
    """The living processes of a process group."""
    return [pid for pid in _pids() if (fields := _stat(pid)) and int(fields[2]) == group and fields[0] != "Z"]


def run_workers(group: int) -> list[int]:
    """The run workers of the daemon that leads this group."""
    return [pid for pid in members_of_group(group) if RUN_WORKER in _read(pid, "cmdline")]


def is_alive(pid: int) -> bool:
    """Whether the process exists and is more than an exit status that nobody has read."""
    fields = _stat(pid)
    return fields is not None and fields[0] != "Z"


def is_stopped(pid: int) -> bool:
    """Whether the process is frozen by a signal."""
    fields = _stat(pid)
    return fields is not None and fields[0] == "T"


def resident_kib(pid: int) -> int:
    """The resident memory of a process; 0 once it is gone."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"VmRSS:"):
            return int(line.split()[1])
    return 0


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """State, parent, process group and what follows them."""
    text = _read(pid, "stat").decode(errors="replace")
    return text.rpartition(")")[2].split() or None


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
