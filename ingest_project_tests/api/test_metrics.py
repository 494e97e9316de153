from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from ingest_project.api.metrics import Metrics
from ingest_project.errors import LedgerUnavailable
from ingest_project.ledger.job_model import JobCounts, JobState
from ingest_project_tests.api.world import INGEST, ApiWorld

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """The values by name and labels; not those of the histograms' buckets, nor the times of creation."""
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if not one.name.endswith(("_bucket", "_created"))
    }


def test_jobs_are_counted_by_kind_and_state_and_requests_by_path(world: ApiWorld) -> None:
    done, fails, _waits = (world.ann.post("/submit-job", json=INGEST).json()["id"] for _ in range(3))
    world.ended(done, world.running(done))
    world.ended(fails, world.running(fails), error="broken")
    for number in range(3):
        world.ann.get(f"/nowhere/{number}")

    answer = world.boss.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    assert found["ingest_jobs_submitted_total", "ingest"] == 3
    assert found["ingest_jobs", "ingest", "completed"] == 1
    assert found["ingest_jobs", "ingest", "failed"] == 1
    assert found["ingest_jobs", "ingest", "queued"] == 1
    assert found["ingest_jobs_oldest_seconds", "queued"] > 0
    assert found["ingest_jobs_duration_seconds", "ingest", "completed"] > 0
    assert found["ingest_api_requests_total", "POST", "/submit-job", "202"] == 3
    assert found["ingest_api_requests_total", "GET", "unmatched", "404"] == 3
    assert found["ingest_ledger_up",] == 1
    assert "ann" not in answer.text


def test_kinds_that_the_settings_do_not_have_are_one_and_the_ledger_is_asked_once_in_ten_seconds() -> None:
    asked: list[datetime] = []
    seconds = [0.0]

    def count(since: datetime) -> list[JobCounts]:
        asked.append(since)
        return [
            JobCounts("ingest", JobState.RUNNING, 2, NOW - timedelta(minutes=2), 0.0),
            JobCounts("old_kind", JobState.RUNNING, 1, NOW - timedelta(minutes=5), 0.0),
            JobCounts("older_kind", JobState.COMPLETED, 4, NOW, 8.0),
            JobCounts("oldest_kind", JobState.COMPLETED, 1, NOW, 12.0),
        ]

    metrics = Metrics(("ingest",), count, lambda: NOW, lambda: seconds[0])
    for _ in range(3):
        found = samples(metrics.text().decode())
    seconds[0] += 10
    metrics.text()

    assert asked == [NOW - timedelta(days=1)] * 2
    assert found["ingest_jobs", "other", "completed"] == 5
    assert found["ingest_jobs_duration_seconds", "other", "completed"] == 4
    assert found["ingest_jobs_oldest_seconds", "running"] == 300


def test_metrics_are_given_without_the_ledger_and_say_so() -> None:
    def count(_since: datetime) -> list[JobCounts]:
        raise LedgerUnavailable("away")

    found = samples(Metrics((), count, lambda: NOW).text().decode())

    assert found == {("ingest_ledger_up",): 0}
