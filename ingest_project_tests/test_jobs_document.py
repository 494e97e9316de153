"""The examples of docs/jobs.md, run as they are there."""

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import boto3
import dagster as dg
import pytest
import requests
import yaml
from click.testing import CliRunner

from ingest_project.cli.main import ingest
from ingest_project.defs.job_inputs import own_input_check, own_jobs, run_config
from ingest_project.defs.job_outbox import result_of_run
from ingest_project.errors import JobRefused
from ingest_project.ingestion.jobs.mirror import JobMirror
from ingest_project.ledger.job_model import JobQuery
from ingest_project.settings.job_settings import JobMirrorSettings
from ingest_project.settings.load import load_settings
from ingest_project_tests.api.conftest import make_world
from ingest_project_tests.api.world import ANN, QUEUE, ApiWorld
from ingest_project_tests.ledger import job_factories
from ingest_project_tests.patience import PATIENCE_SECONDS

__all__ = ["make_world"]
DOCUMENT = (Path(__file__).parents[1] / "docs" / "jobs.md").read_text(encoding="utf-8")

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIA/20261130/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
)
"""What the gateway's role signs; the emulator only reads the service in it."""


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


WEATHER, SERVED_BY_LAMBDA = blocks("python")
(CURL,) = blocks("sh")
(TEMPLATE,) = blocks("vtl")
(MESSAGE,) = blocks("json")
COMMANDS, REPAIRS = (one for one in blocks("") if one.startswith("ingest "))


@pytest.fixture
def world(make_world: Callable[..., ApiWorld]) -> ApiWorld:
    return make_world()


@pytest.fixture
def weather(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module of the example; other tests have a package of its name that is not there."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "weather.py").write_text(WEATHER)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("acme.weather")
    for name in ("acme.weather", "acme"):
        sys.modules.pop(name, None)


def run(command: str, world: ApiWorld, folder: Path, **variables: str) -> Any:
    environment = {"PATH": "/usr/bin:/bin", "URL": world.url, "no_proxy": "*", **variables}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=PATIENCE_SECONDS, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_curl_lines_submit_follow_list_and_cancel(world: ApiWorld, tmp_path: Path) -> None:
    (tmp_path / "auth.header").write_text(f"Authorization: Bearer {world.token('ann', *ANN)}\n")
    submit, status, listing, cancel = re.findall(r"^curl .*(?:\n  .*)*", CURL, re.MULTILINE)

    job = run(submit, world, tmp_path)
    again = run(submit, world, tmp_path)
    assert (job["job"], job["state"], again["id"]) == ("export", "submitted", job["id"])
    assert run(status, world, tmp_path, ID=job["id"])["id"] == job["id"]
    assert [one["id"] for one in run(listing, world, tmp_path)["jobs"]] == [job["id"]]
    assert run(cancel, world, tmp_path, ID=job["id"])["state"] == "cancelled"


def test_commands_exist_as_they_are_written(
    world: ApiWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "request.json").write_text('{"table": "sales.orders"}')
    environment = {
        "INGEST_API_URL": world.url, "INGEST_API_TOKEN": world.token("ann", *ANN),
        "INGEST_CONFIG": str(world.landing.settings_path),
    }  # fmt: skip
    world.landing.sqs.create_queue(QueueName="dlq")
    policy = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:dlq", "maxReceiveCount": "5"}
    world.landing.sqs.set_queue_attributes(
        QueueUrl=world.queue_url, Attributes={"RedrivePolicy": json.dumps(policy)}
    )
    job_id = ""
    codes = []
    for line in (COMMANDS + REPAIRS).replace("10m", "1s").replace("requests", QUEUE).splitlines():
        arguments = line.replace("ID", job_id or "ID").split()[1:]
        result = CliRunner().invoke(ingest, arguments, env=environment)
        codes.append(result.exit_code)
        found = re.search(r"[0-9a-f]{32}", result.stdout)
        job_id = job_id or (found[0] if found else "")
        assert "Usage:" not in result.stderr, line

    assert codes[:6] == [4, 0, 0, 4, 0, 0]


def test_the_settings_name_the_kind_of_the_example(weather: ModuleType, world: ApiWorld) -> None:
    settings = yaml.safe_load(blocks("yaml")[0])
    world.write(jobs={"kinds": settings["jobs"]["kinds"]})
    loaded = load_settings(world.landing.settings_path)
    assert loaded.jobs is not None
    check = own_input_check(loaded)

    check("weather", {"station": "HARBOUR", "days": 2})
    for given, field in (
        ({}, "input"),
        ({"station": "MOON"}, "input.station"),
        ({"station": "HARBOUR", "days": "2"}, "input.days"),
        ({"station": "HARBOUR", "wind": 1}, "input"),
    ):
        with pytest.raises(JobRefused) as refused:
            check("weather", given)
        assert refused.value.field.startswith(field)

    job = own_jobs(loaded)["weather"]
    config = run_config(loaded.jobs.kinds["weather"], {"station": "HARBOUR", "days": 2, "seed": 7})
    with dg.DagsterInstance.ephemeral() as instance:
        results = []
        for _ in range(2):
            done = job.execute_in_process(run_config=config, instance=instance)
            results.append(result_of_run(instance, done.run_id))
        too_long = run_config(loaded.jobs.kinds["weather"], {"station": "HARBOUR", "days": 32})
        assert not job.execute_in_process(
            run_config=too_long, instance=instance, raise_on_error=False
        ).success
    assert results[0] == results[1]
    assert (results[0]["station"], results[0]["rows"]) == ("harbour", 48)


def test_what_an_api_gateway_sends_to_sqs_is_a_job_once(world: ApiWorld) -> None:
    """API Gateway is not in the emulator: this is the request that its integration makes of the template."""
    body = TEMPLATE.strip().replace("$util.urlEncode($input.body)", quote(MESSAGE.strip(), safe=""))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": SIGNED}
    for _ in range(2):
        answer = requests.post(world.queue_url, data=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text

    world.services.intake(QUEUE).drain()

    (job,) = world.services.jobs.jobs(JobQuery())
    assert (job.kind, job.requester, job.input) == ("ingest", "queue", {"table": "sales.orders"})


def test_a_lambda_serves_the_status_from_the_mirror(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb", endpoint_url=world.landing.endpoint, region_name="us-east-1")
    client.create_table(
        TableName="job-status", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    one = job_factories.request()
    ledger = world.services.ledger
    job_factories.complete(ledger, one, queue=QUEUE)
    ledger.jobs.tell(one.job_id, result={"rows": 7}, manifest=f"s3://results/jobs/{one.job_id}/manifest.json")
    assert JobMirror(ledger, JobMirrorSettings(table="job-status"), world.services.aws).copy() == 1
    for name, value in (
        ("JOB_TABLE", "job-status"), ("AWS_ENDPOINT_URL", world.landing.endpoint),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    exec(compile(SERVED_BY_LAMBDA, "jobs.md", "exec"), names)  # noqa: S102

    def served(job_id: str, requester: str) -> Any:
        event = {
            "pathParameters": {"id": job_id},
            "requestContext": {"authorizer": {"principalId": requester}},
        }
        return names["handler"](event, None)

    answer = served(one.job_id, "ann")
    status = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert (status["state"], status["result"], set(status) & {"number", "manifest_uri"}) == (
        "completed", {"rows": 7}, set(),
    )  # fmt: skip
    assert f"/jobs/{one.job_id}/manifest.json?" in status["manifest"]["url"]
    assert served(one.job_id, "bob")["statusCode"] == served("f" * 32, "ann")["statusCode"] == 404
