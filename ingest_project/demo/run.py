"""`ingest demo`: the whole journey on one machine, from S3 puts to rows in tables, under a real `dagster dev`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from ingest_project.demo.dagster_dev import DagsterDev, choose_port, dagster_dev
from ingest_project.demo.deployment import TOP, Deployment, deployment, fresh_state_dir, state_dir
from ingest_project.demo.embedded_aws import embedded_aws
from ingest_project.demo.expectation import Expectation, expectation
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.landing import BUCKET, Landing
from ingest_project.demo.outcome import Outcome, is_in, outcome_of
from ingest_project.demo.progress import ArrivalProgress
from ingest_project.demo.sample_data import NOT_AN_EVENT, TABLES, SampleData, sample_data
from ingest_project.demo.summary import print_summary
from ingest_project.status import Status, collect_status

POLL_SECONDS = 0.5
TIME_LIMIT_SECONDS = 240.0
"""How long all rows may take to arrive, once the web UI is up."""


def run_demo(*, exit_when_done: bool, port: int | None, console: Console) -> int:
    """Run the demo and give the exit code: 0 if every table holds exactly its rows, else 1.

    Stays up until Ctrl-C, SIGTERM or SIGHUP, or ends by itself with `exit_when_done`; in any case all processes that
    it started have ended before it returns or raises. `port` is the web UI's: None takes 3000, or a free one.

    Raises SettingsError, IngestError if Dagster ends by itself, and KeyboardInterrupt if it is stopped before the
    rows are in.
    """
    chosen_port = choose_port(port)
    with Interrupts() as interrupts, fresh_state_dir(state_dir()) as folder, embedded_aws() as endpoint:
        landing = Landing(endpoint)
        with (
            deployment(folder, endpoint=endpoint, queue_url=landing.queue_url) as place,
            dagster_dev(TOP, port=chosen_port, log=place.dagster_log, interrupts=interrupts) as dagster,
        ):
            try:
                outcome = Demo(place, landing, dagster, interrupts, console).run()
                if not exit_when_done:
                    _stay_up(dagster, interrupts, console)
            finally:
                console.print("Stopping Dagster ...")
        return 1 if outcome.problems else 0


@dataclass(frozen=True, slots=True)
class Demo:
    """One demo, on what has been started for it."""

    deployment: Deployment
    landing: Landing
    dagster: DagsterDev
    interrupts: Interrupts
    console: Console

    def run(self) -> Outcome:
        """Upload, wait until all rows are in or the time is up, and print what came of it."""
        sample = sample_data(datetime.now(UTC))
        expected = expectation(sample.all, bucket=BUCKET, tables=TABLES)
        self._bring_in(sample, expected)
        outcome = outcome_of(self.deployment, expected, self.landing.put_at)
        print_summary(outcome, self.console)
        if outcome.problems:
            self.console.print(f"Dagster's output is in {self.dagster.log}", soft_wrap=True)
        self.console.print(f"Web UI: {self.dagster.url}/assets", soft_wrap=True)
        return outcome

    def _bring_in(self, sample: SampleData, expected: Expectation) -> None:
        """In two waves: the second overwrites an object of which the first has brought the rows."""
        first = expectation(sample.first, bucket=BUCKET, tables=TABLES)
        self.console.print(f"Uploading {len(sample.first)} objects to s3://{BUCKET} while Dagster starts ...")
        self.landing.put(sample.first, self.interrupts)
        self.landing.send(NOT_AN_EVENT)
        self.dagster.wait_until_up()
        self.console.print(f"Dagster is up: {self.dagster.url}/assets", soft_wrap=True)
        deadline = time.monotonic() + TIME_LIMIT_SECONDS
        with ArrivalProgress(self.console, {table: expected.rows(table) for table in TABLES}) as progress:
            if self._wait_for(first, progress, deadline):
                self.console.print(
                    f"Uploading {len(sample.later)} more, one of them over an object whose rows are in ..."
                )
                self.landing.put(sample.later, self.interrupts)
                self._wait_for(expected, progress, deadline)

    def _wait_for(self, expected: Expectation, progress: ArrivalProgress, deadline: float) -> bool:
        """Whether all of this was in before the deadline, a time of the monotonic clock."""
        while time.monotonic() < deadline:
            self.dagster.check()
            status = collect_status(self.deployment.services)
            progress.show(_rows(status))
            if is_in(status, expected):
                return True
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
