"""`ingest demo`: everything on one machine, from S3 puts to rows in tables, under a real `dagster dev`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from ingest_project.demo.dagster_dev import DagsterDev, DagsterRun, any_free_port, choose_port, dagster_dev
from ingest_project.demo.databases import databases
from ingest_project.demo.deployment import TOP, Deployment, deployment, fresh_state_dir, state_dir
from ingest_project.demo.embedded_aws import embedded_aws
from ingest_project.demo.expectation import Expectation, expectation
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.job_api import JobApi, job_api
from ingest_project.demo.landing import BUCKET, REQUESTS_QUEUE, Landing
from ingest_project.demo.outcome import Outcome, is_in, outcome_of
from ingest_project.demo.progress import ArrivalProgress
from ingest_project.demo.sample_data import NOT_AN_EVENT, ORDERS, TABLES, SampleData, sample_data
from ingest_project.demo.summary import print_job, print_summary
from ingest_project.ingestion.reconcile.reconcile import Wanted
from ingest_project.ingestion.reconcile.result import Finding
from ingest_project.ingestion.reconcile.scope import scope_of
from ingest_project.reports.status import Status, collect_status
from ingest_project.settings.wording import plural

POLL_SECONDS = 0.5
STALL_SECONDS = 240.0
"""How long no new rows may arrive before the demo gives up, once the web UI is up."""
RUN_END_SECONDS = 60.0
"""How long a run may take to end once its rows have arrived."""


def run_demo(*, exit_when_done: bool, port: int | None, postgres_url: str | None, console: Console) -> int:
    """Run the demo and give the exit code: 0 if every table holds exactly its rows, else 1.

    Runs until Ctrl-C, SIGTERM or SIGHUP, or, with `exit_when_done`, until all rows have arrived. All
    processes that it started have ended before it returns or raises. `port` is the web UI's: None means 3000,
    or a free one. `postgres_url` names the database for ledger, catalog and Dagster's storage: None means
    SQLite.

    Raises SettingsError, IngestError if Dagster ends unexpectedly, and KeyboardInterrupt if it is stopped
    before the rows have arrived.
    """
    chosen_port = choose_port(port)
    now = datetime.now(UTC)
    with (
        Interrupts() as interrupts,
        fresh_state_dir(state_dir()) as folder,
        databases(folder, postgres_url) as empty,
        embedded_aws() as endpoint,
    ):
        landing = Landing(endpoint)
        with (
            deployment(folder, empty, endpoint=endpoint, queue_urls=landing.queue_urls, now=now) as place,
            dagster_dev(TOP, port=chosen_port, log=place.dagster_log, interrupts=interrupts) as dagster,
            job_api(TOP, port=any_free_port(), log=place.api_log, interrupts=interrupts) as jobs,
        ):
            try:
                outcome = Demo(place, landing, dagster, jobs, interrupts, console).run(sample_data(now))
                if not exit_when_done:
                    _stay_up(dagster, interrupts, console)
            finally:
                console.print("Stopping Dagster ...")
        return 1 if outcome.problems else 0


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo, with the services that were started for it."""

    deployment: Deployment
    landing: Landing
    dagster: DagsterDev
    jobs: JobApi
    interrupts: Interrupts
    console: Console

    def run(self, sample: SampleData) -> Outcome:
        """Upload, wait until all rows have arrived or the time is up, and print the outcome."""
        sent = self.landing.send_messages(sample.messages)
        expected = expectation(sample.all, bucket=BUCKET, tables=TABLES, messages=sent)
        first = expectation(sample.first, bucket=BUCKET, tables=TABLES, messages=sent)
        announced = expectation(sample.announced, bucket=BUCKET, tables=TABLES, messages=sent)
        self._bring_in(sample, (first, announced, expected))
        job = self._export()
        outcome = outcome_of(self.deployment, expected, self.landing.put_at, self._ended_runs())
        if job["state"] != "completed":
            outcome = replace(outcome, problems=(*outcome.problems, f"job {job['id']} is {job['state']}"))
        print_summary(outcome, self.console)
        print_job(job, self.console)
        if outcome.problems:
            self.console.print(f"Dagster's output is in {self.dagster.log}", soft_wrap=True)
        self.console.print(f"Web UI: {self.dagster.url}/assets", soft_wrap=True)
        self.console.print(f"Jobs: {self.jobs.url}/", soft_wrap=True)
        return outcome

    def _export(self) -> dict[str, Any]:
        """What `ingest job submit export --wait` does; gives the job when its message is deleted."""
        self.jobs.wait_until_up()
        self.console.print(
            f"Asking for an export of {ORDERS}: POST {self.jobs.url}/submit-job ...", soft_wrap=True
        )
        job = self.jobs.run("export", {"table": ORDERS})
        deadline = time.monotonic() + RUN_END_SECONDS
        queue = self.deployment.services.queue(REQUESTS_QUEUE)
        while queue.attributes().depth and time.monotonic() < deadline:
            self.interrupts.sleep(POLL_SECONDS)
        return job

    def _ended_runs(self) -> list[DagsterRun]:
        """All runs; a run continues for some seconds after its rows have arrived."""
        deadline = time.monotonic() + RUN_END_SECONDS
        while True:
            runs = self.dagster.runs()
            if all(run.is_finished for run in runs) or time.monotonic() > deadline:
                return runs
            self.interrupts.sleep(POLL_SECONDS)

    def _bring_in(
        self, sample: SampleData, expectations: tuple[Expectation, Expectation, Expectation]
    ) -> None:
        """Uploads in three waves: the second overwrites an object whose rows are in the table by then.

        The third is not announced, and `ingest reconcile` finds it.
        """
        first, announced, expected = expectations
        self.console.print(f"Uploading {len(sample.first)} objects to s3://{BUCKET} while Dagster starts ...")
        self.landing.put(sample.first, self.interrupts)
        self.landing.send(NOT_AN_EVENT)
        self.dagster.wait_until_up()
        self.console.print(f"Dagster is up: {self.dagster.url}/assets", soft_wrap=True)
        with ArrivalProgress(self.console, {table: expected.rows(table) for table in TABLES}) as progress:
            if self._wait_for(first, progress):
                self.console.print(
                    f"Uploading {len(sample.later)} more, one of them over an object whose rows have arrived "
                    "..."
                )
                self.landing.put(sample.later, self.interrupts)
                self.landing.put_unannounced(sample.unannounced, self.interrupts)
                if self._wait_for(announced, progress):
                    self._reconcile(sample)
                    self._wait_for(expected, progress)

    def _reconcile(self, sample: SampleData) -> None:
        """What `ingest reconcile TABLE --grace 0s --enqueue` does."""
        services = self.deployment.services
        for name in dict.fromkeys(one.table for one in sample.unannounced):
            table = services.settings.table(name)
            scope = scope_of(table, grace=timedelta(0))
            queue = services.settings.queue(table.queue)
            found = services.reconcile.run(table, queue, Wanted(scope, enqueue=True))
            missing = plural(found.found.get(Finding.MISSING, 0), "object")
            self.console.print(
                f"`ingest reconcile {name} --grace 0s --enqueue` finds {missing} whose event never came: "
                f"{found.enqueued:,} enqueued",
                soft_wrap=True,
            )

    def _wait_for(self, expected: Expectation, progress: ArrivalProgress) -> bool:
        """Whether all of this arrived; gives up once no new rows have arrived for STALL_SECONDS."""
        arrived: Mapping[str, int] = {}
        deadline = time.monotonic() + STALL_SECONDS
        while time.monotonic() < deadline:
            self.dagster.check()
            status = collect_status(self.deployment.services)
            rows = _rows(status)
            progress.show(rows)
            if is_in(status, expected):
                return True
            if rows != arrived:
                arrived, deadline = rows, time.monotonic() + STALL_SECONDS
            self.interrupts.sleep(POLL_SECONDS)
        return False


def _rows(status: Status) -> Mapping[str, int]:
    return {report.table: report.rows for report in status.tables}


def _stay_up(dagster: DagsterDev, interrupts: Interrupts, console: Console) -> None:
    console.print("Ctrl-C ends it.")
    try:
        while True:
            dagster.check()
            interrupts.sleep(1)
    except KeyboardInterrupt:
        return
