"""What the API's tests have in common: a deployment with a queue for jobs, its app, and requesters."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from ingest_project.api.app import create_app
from ingest_project.api.caller import Api
from ingest_project.api.serve import listening, open_api, server_of
from ingest_project.api.tokens import add_to_file, new_token
from ingest_project.ledger.model import BatchOutcome, FailedObject
from ingest_project.services import Services
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.load import load_settings
from ingest_project_tests.landing import Landing, table
from ingest_project_tests.patience import PATIENCE_SECONDS

QUEUE = "work"
BOSS = ("job:*", "table:*", "jobs:read_all", "jobs:cancel_all", "metrics")
ANN = ("job:ingest", "job:export", "table:sales.orders")
INGEST = {"job": "ingest", "input": {"table": "sales.orders", "prefix": "orders/2026/"}}


class Server:
    """uvicorn, as `ingest api` configures it, in a thread."""

    def __init__(self, api: Api) -> None:
        self._server = server_of(create_app(api))
        self._listener = listening("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    def close(self) -> None:
        """Ends it in good order."""
        self._server.should_exit = True
        self._thread.join(PATIENCE_SECONDS)
        self._listener.close()


@dataclass
class ApiWorld:
    """One deployment and its API; `ann` and `boss` are clients with tokens, `nobody` is one without."""

    landing: Landing
    api_settings: dict[str, Any]
    ledger_url: str
    _clients: list[httpx.Client] = field(default_factory=list)
    _server: "Server | None" = None

    @classmethod
    def create(
        cls, folder: Path, endpoint: str, *, ledger_url: str = "sqlite:///ledger.db", **api: Any
    ) -> "ApiWorld":
        landing = Landing(folder, endpoint)
        landing.sqs.create_queue(QueueName="landing")
        landing.sqs.create_queue(QueueName=QUEUE)
        landing.s3.create_bucket(Bucket="results")
        world = cls(landing, api or {"tokens": {"file": "tokens.json"}}, ledger_url)
        world.write()
        world.services.ledger.close()  # the first tick of a sensor makes the ledger
        return world

    def write(self, **changes: Any) -> None:
        """Write ingest.yaml again, with top-level keys replaced."""
        document = {
            "ledger": {"url": self.ledger_url},
            "queues": [
                {"name": "landing", "url": self.landing.queue_url},
                {"name": QUEUE, "url": self.queue_url, "source": "jobs"},
            ],
            "tables": [
                table("sales.orders", "orders/", {"order_id": "long", "amount": "decimal(12,2)"}),
                table("web.clicks", "clicks/", {"click_id": "string"}),
            ],
            "jobs": {"results": "s3://results/jobs/"},
            "api": self.api_settings,
        }
        self.landing.write(**document | changes)

    @property
    def queue_url(self) -> str:
        return f"{self.landing.endpoint}/123456789012/{QUEUE}"

    @property
    def tokens_path(self) -> Path:
        return self.landing.folder / "tokens.json"

    @cached_property
    def services(self) -> Services:
        """Another process of the deployment."""
        return Services(load_settings(self.landing.settings_path))

    @cached_property
    def api(self) -> Api:
        return open_api(load_settings(self.landing.settings_path))

    @cached_property
    def url(self) -> str:
        """Where the API listens; it is started first."""
        self._server = Server(self.api)
        return self._server.url

    @cached_property
    def ann(self) -> httpx.Client:
        return self.client(self.token("ann", *ANN))

    @cached_property
    def boss(self) -> httpx.Client:
        return self.client(self.token("boss", *BOSS))

    @cached_property
    def nobody(self) -> httpx.Client:
        return self.client(None)

    def token(self, name: str, *scopes: str) -> str:
        """A token of this requester, in the file of tokens."""
        made = new_token(name, scopes, None)
        add_to_file(self.tokens_path, made.entry, replaces=False)
        return made.token

    def client(self, token: str | None) -> httpx.Client:
        """A client of the app that sends this token."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)
        self._clients.append(client)
        return client

    def messages(self) -> list[dict[str, Any]]:
        """What is on the jobs' queue; it is hidden from then on."""
        found: list[dict[str, Any]] = []
        while batch := self.landing.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages"):
            found += [json.loads(one["Body"]) for one in batch]
        return found

    # What the daemon and its runs do.

    def queued(self, job_id: str) -> str:
        """The batch of a job, after a tick has claimed it."""
        self.services.intake(QUEUE).drain()
        found = [
            batch.batch_id
            for batch in self.services.ledger.open_batches(QUEUE)
            if (job := self.services.ledger.jobs.job_of_batch(batch.batch_id)) and job.job_id == job_id
        ]
        return found[0]

    def running(self, job_id: str, **progress: int) -> str:
        """The batch of a job, after a run has begun it and told its progress."""
        batch_id = self.queued(job_id)
        self.services.ledger.start(batch_id, run_id="run-1")
        self.services.ledger.jobs.tell(job_id, progress=progress or None)
        return batch_id

    def ended(self, job_id: str, batch_id: str, error: str | None = None) -> None:
        """End a job that runs: completed with a result and its manifest, or failed."""
        ledger = self.services.ledger
        job = ledger.jobs.job(job_id)
        assert job is not None
        if error is None:
            key = f"jobs/{job_id}/manifest.json"
            self.landing.s3.put_object(Bucket="results", Key=key, Body=json.dumps({"id": job_id}).encode())
            ledger.jobs.tell(job_id, result={"objects": 2}, manifest=f"s3://results/{key}")
            outcome = BatchOutcome({job.object_id: 0}, (), None, utc_now())
        else:
            failed = FailedObject(job.object_id, "job_failed", error, transient=False)
            outcome = BatchOutcome({}, (failed,), None, utc_now())
        ledger.settle(batch_id, run_id="run-1", outcome=outcome)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        if self._server is not None:
            self._server.close()


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    assert found["instance"] == answer.headers["x-request-id"]
    return found


def fields(answer: httpx.Response, status: int) -> list[str]:
    """The fields that a problem names."""
    return [one["field"] for one in problem(answer, status)["errors"]]
