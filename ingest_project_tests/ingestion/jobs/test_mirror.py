"""What the mirror in DynamoDB has of jobs: what the API answers, and never an older state."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from ingest_project.api.answers import job_status
from ingest_project.ingestion.jobs.mirror import JobMirror, item_of, status_of
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.selection import Selection
from ingest_project.settings.job_settings import JobMirrorSettings
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project_tests.ledger.job_factories import REQUESTS, bring, complete, fail, request, submit

TABLE = "job-status"


@pytest.fixture
def dynamodb(aws: str) -> Any:
    client = boto3.client("dynamodb", endpoint_url=aws, region_name="us-east-1")
    client.create_table(
        TableName=TABLE, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    return client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def mirror(aws: str, ledger: Ledger) -> JobMirror:
    services = Aws(AwsSettings(region="us-east-1", endpoint_url=aws))
    return JobMirror(ledger, JobMirrorSettings(table=TABLE), services)


@pytest.fixture
def item(dynamodb: Any) -> Callable[[str], dict[str, Any]]:
    """Reads the item of a job, as a reader of the table does."""

    def read(job_id: str) -> dict[str, Any]:
        found = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": job_id}})["Item"]
        return {name: TypeDeserializer().deserialize(value) for name, value in found.items()}

    return read


def test_the_mirror_follows_a_job_to_its_end(
    ledger: Ledger, mirror: JobMirror, item: Callable[[str], dict[str, Any]]
) -> None:
    one = request()
    submit(ledger, one)
    assert mirror.copy() == 1
    assert item(one.job_id)["state"] == "submitted"
    bring(ledger, one)
    complete(ledger, one)
    ledger.jobs.tell(
        one.job_id, progress={"rows": 7}, result={"rows": 7, "share": 0.25}, manifest="s3://acme/m.json"
    )

    assert mirror.copy() == 1
    assert mirror.copy() == 0

    found = item(one.job_id)
    assert found["state"] == "completed"
    assert found["manifest_uri"] == "s3://acme/m.json"
    assert found["progress"]["rows"] == 7
    assert found["progress"]["bytes_done"] is None
    job = ledger.jobs.job(one.job_id)
    assert job is not None
    added = {"number", "manifest_uri", "result_left_out"}
    assert {key: value for key, value in found.items() if key not in added} == job_status(job).model_dump(
        mode="json"
    )


@pytest.mark.parametrize("end", [complete, fail, submit])
def test_the_status_is_the_one_that_the_api_answers(ledger: Ledger, end: Callable[..., Any]) -> None:
    one = request()
    end(ledger, one)
    job = ledger.jobs.job(one.job_id)

    assert job is not None
    assert status_of(job) == job_status(job).model_dump(mode="json")


def test_a_delayed_writer_does_not_put_an_older_state_over_a_newer_one(
    ledger: Ledger, mirror: JobMirror, item: Callable[[str], dict[str, Any]]
) -> None:
    one = request()
    submit(ledger, one)
    (delayed,) = ledger.jobs.unmirrored(limit=10)
    complete(ledger, one)
    mirror.copy()

    mirror._put(item_of(delayed.job, delayed.number))

    assert item(one.job_id)["state"] == "completed"


def test_a_job_that_is_tried_again_goes_back_in_the_mirror_too(
    ledger: Ledger, mirror: JobMirror, item: Callable[[str], dict[str, Any]]
) -> None:
    one = request()
    fail(ledger, one)
    mirror.copy()
    assert item(one.job_id)["error"] == {"class": "job_failed", "reason": "it is too warm"}

    ledger.retry(Selection(uris=(f"sqs://{REQUESTS}/{one.job_id}",)))
    mirror.copy()

    assert item(one.job_id)["error"] is None


def test_an_outage_delays_the_mirror_only(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, aws: str, dynamodb: Any
) -> None:
    submit(ledger, request())
    down = JobMirror(
        ledger, JobMirrorSettings(table="absent"), Aws(AwsSettings(region="us-east-1", endpoint_url=aws))
    )

    assert down.copy() == 0

    assert "ResourceNotFoundException" in caplog.text
    assert len(ledger.jobs.unmirrored(limit=10)) == 1


@pytest.mark.parametrize("result", [{"n": 10**60}, {"n": 1e300}, {"text": "x" * 400_000}])
def test_a_result_that_dynamodb_cannot_store_is_left_out(
    ledger: Ledger, mirror: JobMirror, item: Callable[[str], dict[str, Any]], result: dict[str, Any]
) -> None:
    one = request()
    complete(ledger, one)
    ledger.jobs.tell(one.job_id, result=result)

    assert mirror.copy() == 1

    found = item(one.job_id)
    assert found["result"] is None
    assert found["result_left_out"] is True
