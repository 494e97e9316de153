"""Trials of jobs on demand: objects whose events nobody sends, and requests over HTTP to load and export."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx

from ingest_project_tests.fault_trials.deployment import REQUESTS
from ingest_project_tests.fault_trials.oracle import Verdict
from ingest_project_tests.fault_trials.trial import Interrupted, Trial
from ingest_project_tests.fault_trials.workload import PLAIN_BUCKET, Write

OPEN = "select count(*) from batches where table_name like 'job:%' and state = 'planned'"
ENDS = """
select j.job_id, j.kind, o.state,
(select count(*) from batch_objects m join batches b on b.batch_id = m.batch_id
 where m.object_id = j.object_id and b.state in ('committed', 'failed'))
from job_requests j left join object_versions o on o.object_id = j.object_id where j.requester = 'anonymous'
"""
ENDED = {"committed": "completed", "failed": "failed", "skipped": "cancelled"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that the API has accepted, and the state in which it has to end."""

    job_id: str
    kind: str
    given: dict[str, Any]
    state: str


@dataclass
class JobTrial(Trial):
    """Its objects come into the table by a job, without an event."""

    accepted: dict[str, Accepted] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def asks_for_jobs(self) -> bool:
        return True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.deployment.api_port}"

    def land(self, count: int | None = None) -> list[Write]:
        """Write objects, and ask for a job that loads them and for some of a user's own, all at once."""
        writes = [self.landing.write(key) for key in self.landing.new_keys(count or self.rng.randint(5, 24))]
        self.expected.all_of(writes)  # a listing of versions tells what an event does
        asked: list[tuple[str, dict[str, Any], str]] = [
            ("ingest", {"table": self.table}, "completed"),
            ("weather", {"station": "harbour", "days": self.number + 1}, "completed"),
            ("weather", {"station": "moon", "days": self.number + 1}, "failed"),
        ]
        asking = [
            threading.Thread(target=self.ask, args=(kind, given, state)) for kind, given, state in asked
        ]
        for one in asking:
            one.start()
        # Here the API is revived if the fault has killed it.
        self.wait(lambda: not any(one.is_alive() for one in asking), "the acceptance of all jobs")
        if self.refused:
            raise RuntimeError(f"the API refused: {self.refused}")
        return writes

    def ask(self, kind: str, given: dict[str, Any], state: str) -> None:
        """Ask for a job until it is accepted, as a client does: with the same key each time."""
        key = f"{self.seed}-{self.number}-{kind}-{given.get('station', '')}"
        while not self.stopping.wait(0.2):
            try:
                answer = httpx.post(
                    f"{self.url}/submit-job", json={"job": kind, "input": given},
                    headers={"Idempotency-Key": key}, timeout=15,
                )  # fmt: skip
            except httpx.HTTPError:
                continue
            if answer.status_code == 202:
                job_id = answer.json()["id"]
                self.accepted[key] = Accepted(job_id, kind, given, state)
                return
            if answer.status_code < 500:
                self.refused.append(answer.text)
                return

    def export(self) -> None:
        """Ask for an export of the table, which has all rows by now, and wait for it."""
        self.ask("export", {"table": self.table, "columns": ["write", "row"]}, "completed")
        if self.stopping.is_set():
            raise Interrupted
        self.settle()

    def is_at_rest(self) -> bool:
        """The objects and the jobs are, and nothing but the requests of failed jobs is on the queue."""
        if not self.accepted or not super().is_at_rest():
            return False
        states = {job_id: state for job_id, _, state, _ in self._ends()}
        if not all(states.get(one.job_id) in ENDED for one in self.accepted.values()):
            return False
        failed = sum(state == "failed" for state in states.values())
        (row,) = self.deployment.ledger(OPEN)
        return int(row[0]) == 0 and self.deployment.messages_in(REQUESTS) <= failed

    def verdict(self) -> Verdict:
        verdict = super().verdict()
        ends = {job_id: (kind, state, int(count)) for job_id, kind, state, count in self._ends()}
        for one in self.accepted.values():
            kind, state, count = ends.pop(one.job_id, (one.kind, None, 0))
            became = ENDED.get(state or "", str(state))
            if (became, count) != (one.state, 1):
                text = f"job {one.job_id} ({kind}) must have {one.state} once, and has {became} {count} times"
                (verdict.stuck if became != one.state else verdict.untrue).append(text)
            if one.kind == "export":
                verdict.untrue += self._faults_of_export(one.job_id)
        return verdict

    def _faults_of_export(self, job_id: str) -> list[str]:
        s3, key = self.deployment.s3, f"results/{job_id}/manifest.json"
        manifest = json.loads(s3.get_object(Bucket=PLAIN_BUCKET, Key=key)["Body"].read())
        rows = sum(one["rows"] for one in manifest["files"])
        in_table = sum(one.rows for one in self.deployment.found(self.table))
        listed = {one["uri"] for one in manifest["files"]} | {f"s3://{PLAIN_BUCKET}/{key}"}
        found = s3.list_objects_v2(Bucket=PLAIN_BUCKET, Prefix=f"results/{job_id}/").get("Contents", [])
        held = {f"s3://{PLAIN_BUCKET}/{one['Key']}" for one in found}
        faults = [] if rows == in_table else [f"the export has {rows} rows, the table {in_table}"]
        return faults + ([] if held == listed else [f"the manifest lists {listed}, and S3 holds {held}"])

    def _ends(self) -> list[Any]:
        return self.deployment.ledger(ENDS)
