"""The first load of a prefix that was there before the queue, whose process is killed twice on the way."""

import json
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_project_tests.demonstrations.shown import TABLE, NotShown, Shown, expect, peak_mib, tell, told

if TYPE_CHECKING:
    import subprocess

KILLED_AT = (0.3, 0.65)
"""The shares of the keys that are claimed when the process is killed."""
WAITING_AT_ONCE = 10_000
CLAIMED = "select count(*), count(distinct key), count(distinct version_id) from object_versions"
POLL_SECONDS = 0.1


@dataclass
class Sensor:
    """Ticks in a thread of its own, as the daemon's sensor and its runs would."""

    shown: Shown
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sensor")
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self.shown.tick()
        except BaseException as error:
            self.error = error
            raise

    def stop(self) -> None:
        """End after the tick that is under way."""
        self._stopping.set()
        self._thread.join()
        if self.error is not None:
            raise NotShown(f"a tick failed: {self.error}")


def show(shown: Shown, count: int) -> None:
    """Load all keys, in three processes of which two are killed."""
    shown.open(max_messages_per_tick=min(WAITING_AT_ONCE, count // 10), max_batches_in_flight=4)
    with told(f"{count:,} objects put, without events"):
        shown.put(range(count), announced=False)
    sensor = Sensor(shown)
    began = time.monotonic()
    try:
        for share in (*KILLED_AT, None):
            _load(shown, None if share is None else round(count * share))
    finally:
        sensor.stop()
    shown.ingest()
    tell(f"  loaded and ingested: {time.monotonic() - began:.0f} s")
    expect("versions, keys and version ids that are claimed", shown.ledger(CLAIMED), [(count, count, count)])
    tell(f"  {count:,} object versions are claimed, each once")
    shown.verify()


def _load(shown: Shown, kill_at: int | None) -> None:
    """Start the command; kill it once so many are claimed, or let it end."""
    process = shown.start("reconcile", TABLE, "--grace", "0s", "--enqueue")
    peak, most_waiting = 0.0, 0
    while process.poll() is None:
        peak = max(peak, peak_mib(process.pid))
        if kill_at is not None and shown.ledger(CLAIMED)[0][0] >= kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
        most_waiting = max(most_waiting, shown.services.ledger.pending_objects("landing"))
        time.sleep(POLL_SECONDS)
    _tell_end(shown, process, peak, most_waiting, kill_at)


def _tell_end(
    shown: Shown,
    process: "subprocess.Popen[str]",
    peak: float,
    most_waiting: int,
    kill_at: int | None,
) -> None:
    out, err = process.communicate()
    claimed = shown.ledger(CLAIMED)[0][0]
    memory = f"peak memory {peak:,.0f} MiB, at most {most_waiting:,} waited"
    if kill_at is not None:
        expect("exit code of the killed process", (process.returncode, out), (-signal.SIGKILL, ""))
        tell(f"  killed by SIGKILL after {claimed:,} were claimed; {memory}")
        return
    if process.returncode != 0:
        raise NotShown(f"the command ended with {process.returncode}: {out}{err}")
    done = json.loads(out)
    tell(
        f"  ended: {done['listed']:,} compared, known {done['known']}, enqueued {done['enqueued']:,}, "
        f"left {done['left']}; {memory}"
    )
