"""What `ingest check` says about jobs: their queue, their results, their kinds, their mirror."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from ingest_project.checks.deployment.finding import Level
from ingest_project.checks.deployment.jobs import check_jobs
from ingest_project.sources.aws import Aws
from ingest_project_tests.checks.deployment.test_after import Iam
from ingest_project_tests.landing import Landing

MODULE = """
import dagster as dg

@dg.op
def measure(): ...

@dg.job
def weather():
    measure()

not_a_job = 1
"""


def found(landing: Landing, jobs: dict[str, Any] | None) -> dict[tuple[str, str], tuple[Level, str]]:
    """The findings by check and subject."""
    queue = {"name": "requests", "url": f"{landing.endpoint}/123456789012/requests", "source": "jobs"}
    listed = [{"name": "landing", "url": landing.queue_url}]
    if jobs is None:
        landing.write(queues=listed)
    else:
        landing.sqs.create_queue(QueueName="requests")
        landing.write(queues=[*listed, queue], jobs=jobs)
    findings = check_jobs(landing.services())
    return {(one.check, one.subject): (one.level, f"{one.message}; {one.remedy}") for one in findings}


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iam:
    """A stand-in of IAM's simulation, which the emulator does not have."""
    made = Iam()
    monkeypatch.setattr(Aws, "client", lambda _self, _service: made)
    return made


def test_settings_without_jobs_have_nothing_to_check(landing: Landing) -> None:
    assert found(landing, None) == {}


def test_jobs_that_may_do_all_they_need_are_ok(landing: Landing, iam: Iam) -> None:
    landing.s3.create_bucket(Bucket="results")

    told = found(landing, {"results": "s3://results/jobs/"})

    assert {name: level for name, (level, _) in told.items()} == {
        ("jobs_queue", "requests"): Level.OK,
        ("job_results", "s3://results/jobs/"): Level.OK,
    }


def test_missing_permissions_are_named(landing: Landing, iam: Iam) -> None:
    landing.s3.create_bucket(Bucket="results")
    iam.decisions = {"SendMessage": "implicitDeny", "PutObject": "explicitDeny"}

    told = found(landing, {"results": "s3://results/jobs/"})

    level, text = told["jobs_queue", "requests"]
    assert level is Level.WARNING
    assert "sqs:SendMessage on arn:aws:sqs:us-east-1:123456789012:requests" in text
    level, text = told["job_results", "s3://results/jobs/"]
    assert level is Level.PROBLEM
    assert "s3:PutObject on arn:aws:s3:::results/jobs/*" in text


def test_a_place_of_results_that_does_not_exist_is_a_problem_and_none_is_a_warning(
    landing: Landing, iam: Iam
) -> None:
    level, text = found(landing, {"results": "s3://absent/"})["job_results", "s3://absent/"]
    assert level is Level.PROBLEM
    assert "create it, or correct jobs.results" in text

    level, text = found(landing, {})["job_results", "jobs"]
    assert level is Level.WARNING
    assert "exports are refused" in text


def test_kinds_that_cannot_be_imported_are_problems(
    landing: Landing, iam: Iam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_weather.py").write_text(MODULE)
    (tmp_path / "acme_broken.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    kinds = {
        "good": {"job": "acme_weather:weather", "op": "measure"},
        "no_op": {"job": "acme_weather:weather", "op": "guess"},
        "absent": {"job": "acme_weather:other"},
        "no_job": {"job": "acme_weather:not_a_job"},
        "no_module": {"job": "acme_nowhere:weather"},
        "broken": {"job": "acme_broken:weather"},
    }

    told = {
        name: one for (check, name), one in found(landing, {"kinds": kinds}).items() if check == "job_kind"
    }

    assert told.pop("good")[0] is Level.OK
    assert {level for level, _ in told.values()} == {Level.PROBLEM}
    assert "it has measure" in told["no_op"][1]
    assert "has no other" in told["absent"][1]
    assert "is not a Dagster job" in told["no_job"][1]
    assert "ModuleNotFoundError" in told["no_module"][1]
    assert "ZeroDivisionError" in told["broken"][1]


def test_the_mirror_needs_a_table_with_the_right_key(landing: Landing, iam: Iam) -> None:
    client = boto3.client("dynamodb", endpoint_url=landing.endpoint, region_name="us-east-1")
    for name, key in (("right", "id"), ("wrong", "job")):
        client.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )  # fmt: skip

    told = {
        name: found(landing, {"mirror": {"table": name}})["job_mirror", name]
        for name in ("right", "wrong", "absent")
    }

    assert told["right"][0] is Level.OK
    assert told["wrong"][0] is told["absent"][0] is Level.PROBLEM
    assert "aws dynamodb create-table --table-name absent" in told["absent"][1]
