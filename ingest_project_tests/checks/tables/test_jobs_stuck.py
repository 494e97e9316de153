"""When the check `jobs_stuck` fails, and what it tells about the jobs."""

from datetime import timedelta
from pathlib import Path

from ingest_project.checks.tables.jobs_stuck import AT_MOST, SHOWN, check_jobs_stuck, judge_jobs_stuck
from ingest_project.checks.tables.verdict import Records
from ingest_project.ledger.ledger import Ledger
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests.ledger.factories import NOW
from ingest_project_tests.ledger.job_factories import bring, complete, request, run, submit

SETTINGS = """
queues:
  - {name: landing, url: "http://127.0.0.1:1/0/landing"}
  - {name: requests, url: "http://127.0.0.1:1/0/requests", source: jobs}
tables:
  - {name: orders, queue: landing, bucket: acme, format: ndjson}
jobs: {stuck_after: 2h}
ledger: {url: "sqlite:///ledger.db"}
"""


def services(folder: Path, settings: str = SETTINGS) -> Services:
    (folder / "ingest.yaml").write_text(settings)
    return Services(load_settings(folder / "ingest.yaml"))


def test_open_jobs_are_stuck_after_the_time_of_the_settings(tmp_path: Path) -> None:
    made = services(tmp_path)
    ledger = Ledger(made.settings.ledger.url)
    submitted, queued, running, ended = (
        request(job_id=f"{number:032x}", at=NOW - timedelta(hours=3) + timedelta(minutes=number))
        for number in range(4)
    )
    submit(ledger, submitted)
    run(ledger, running)
    complete(ledger, ended)
    submit(ledger, queued)
    bring(ledger, queued)
    submit(ledger, request(at=NOW - timedelta(minutes=119)))
    ledger.close()

    verdict = check_jobs_stuck(made, lambda: NOW)

    assert verdict is not None
    assert not verdict.passed
    assert verdict.description == "3 jobs not ended after 2 h: 1 submitted, 1 queued, 1 running"
    oldest = verdict.facts["oldest"]
    assert isinstance(oldest, Records)
    assert [one["job"] for one in oldest.rows] == [one.job_id for one in (submitted, queued, running)]
    remedies = str(verdict.facts["what_to_do"])
    assert all(word in remedies for word in ("requests_sensor", "`ingest dlq requests`", "ingest job cancel"))
    made.ledger.close()


def test_no_stuck_job_passes_and_settings_without_jobs_have_no_check(tmp_path: Path) -> None:
    made = services(tmp_path)
    verdict = check_jobs_stuck(made)
    assert verdict is not None
    assert verdict.passed
    assert verdict.facts["stuck_jobs"] == 0
    made.ledger.close()

    without = SETTINGS.replace(
        '  - {name: requests, url: "http://127.0.0.1:1/0/requests", source: jobs}\n', ""
    )
    assert check_jobs_stuck(services(tmp_path, without.replace("jobs: {stuck_after: 2h}\n", ""))) is None


def test_a_ledger_that_does_not_answer_is_a_verdict(tmp_path: Path) -> None:
    made = services(tmp_path, SETTINGS.replace("sqlite:///ledger.db", "sqlite:////dev/null/ledger.db"))

    verdict = check_jobs_stuck(made)

    assert verdict is not None
    assert (verdict.passed, verdict.severity) == (False, "warn")
    assert verdict.description.startswith("could not be checked: ledger")


def test_only_the_oldest_of_many_are_shown(tmp_path: Path) -> None:
    made = services(tmp_path)
    submit(made.ledger, request())
    (job,) = made.ledger.jobs.open_jobs(submitted_before=NOW + timedelta(days=1), limit=1)
    made.ledger.close()

    verdict = judge_jobs_stuck("requests", timedelta(hours=6), [job] * AT_MOST, NOW)

    assert verdict.description.startswith("at least 1,000 jobs not ended after 6 h")
    shown = verdict.facts["oldest"]
    assert isinstance(shown, Records)
    assert len(shown.rows) == SHOWN
