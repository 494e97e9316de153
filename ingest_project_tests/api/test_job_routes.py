"""The operations on jobs, over HTTP, with a real queue and a real ledger."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from ingest_project.ledger.job_model import JobQuery
from ingest_project.settings.model import AwsSettings
from ingest_project.sources.aws import Aws
from ingest_project_tests.api.world import INGEST, ApiWorld, fields, problem

on_both_ledgers = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
JSON = {"Content-Type": "application/json"}


def submit(client: httpx.Client, body: Any = INGEST, **headers: str) -> httpx.Response:
    return client.post("/submit-job", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def raw(client: httpx.Client, body: bytes, **headers: str) -> httpx.Response:
    return client.post("/submit-job", content=body, headers={**JSON, **headers})


def test_a_job_is_accepted_recorded_and_on_the_queue(world: ApiWorld) -> None:
    answer = submit(world.ann, X_Request_Id="req-1")

    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/job-status/{job['id']}"
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["x-request-id"] == "req-1"
    assert job == {
        "id": job["id"], "job": "ingest", "state": "submitted", "submitted_at": job["submitted_at"],
        "queued_at": None, "started_at": None, "ended_at": None, "attempts": 0, "cancel_requested": False,
        "requester": "ann", "progress": None, "error": None, "result": None, "manifest": None,
    }  # fmt: skip
    assert job["submitted_at"].endswith("Z")
    assert world.messages() == [INGEST | {"job_id": job["id"], "request_id": "req-1"}]
    status = world.ann.get(answer.headers["location"])
    assert (status.status_code, status.json()) == (200, job)


@on_both_ledgers
def test_a_job_is_followed_to_its_result(world: ApiWorld) -> None:
    job_id = submit(world.ann).json()["id"]
    batch_id = world.running(job_id, objects_done=1, objects_total=4)
    running = world.ann.get(f"/job-status/{job_id}")
    world.ended(job_id, batch_id)
    completed = world.ann.get(f"/job-status/{job_id}")

    assert running.headers["retry-after"] == "2"
    assert (running.json()["state"], running.json()["attempts"]) == ("running", 1)
    assert running.json()["progress"] == {
        "objects_done": 1, "objects_total": 4, "rows": None, "bytes_done": None, "bytes_total": None,
    }  # fmt: skip
    found = completed.json()
    assert "retry-after" not in completed.headers
    assert (found["state"], found["result"], found["error"]) == ("completed", {"objects": 2}, None)
    times = [found[key] for key in ("submitted_at", "queued_at", "started_at", "ended_at")]
    assert all(one.endswith("Z") for one in times)
    assert times == sorted(times)
    assert found["manifest"]["expires_at"] > found["ended_at"]
    assert httpx.get(found["manifest"]["url"], trust_env=False).json() == {"id": job_id}


def test_a_failed_job_says_why(world: ApiWorld) -> None:
    job_id = submit(world.ann).json()["id"]
    world.ended(job_id, world.running(job_id), error="the station is closed")

    found = world.ann.get(f"/job-status/{job_id}").json()

    assert found["state"] == "failed"
    assert found["error"] == {"class": "job_failed", "reason": "the station is closed"}


def test_the_same_key_and_body_are_the_same_job_and_another_body_is_refused(world: ApiWorld) -> None:
    first = submit(world.ann, Idempotency_Key="monday")
    again = submit(world.ann, Idempotency_Key="monday")
    other = submit(world.ann, {"job": "ingest", "input": {"table": "sales.orders"}}, Idempotency_Key="monday")
    of_boss = submit(world.boss, Idempotency_Key="monday")

    assert (again.status_code, again.json()) == (202, first.json())
    assert fields(other, 422) == ["Idempotency-Key"]
    assert other.json()["type"] == "urn:ingest:problem:idempotency-conflict"
    assert of_boss.json()["id"] != first.json()["id"]
    assert [one["job_id"] for one in world.messages()] == [first.json()["id"], of_boss.json()["id"]]


def test_an_idempotency_key_has_visible_ascii_only(world: ApiWorld) -> None:
    for key in (b"", b"a" * 257, b"two words", b"caf\xe9"):
        headers = [(b"Idempotency-Key", key), (b"Content-Type", b"application/json")]
        answer = world.ann.post("/submit-job", content=json.dumps(INGEST), headers=headers)

        assert fields(answer, 422) == ["Idempotency-Key"], key


def test_two_idempotency_keys_are_refused(world: ApiWorld) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]

    assert fields(world.ann.post("/submit-job", json=INGEST, headers=headers), 422) == ["Idempotency-Key"]


def ingest(**more: Any) -> dict[str, Any]:
    """A request to ingest sales.orders."""
    return {"job": "ingest", "input": {"table": "sales.orders"} | more}


NOT_JSON = {
    "empty": b"",
    "half": b'{"job": "ingest"',
    "twice": b'{"job": "ingest", "job": "export", "input": {}}',
    "twice-inside": b'{"job": "ingest", "input": {"table": "a", "table": "b"}}',
    "nan": b'{"job": "ingest", "input": {"table": NaN}}',
    "infinity": b'{"job": "ingest", "input": {"n": 1e999}}',
    "deep": b'{"job": "ingest", "input": ' + b"[" * 100 + b"]" * 100 + b"}",
    "bottomless": b"[" * 200_000,
    "not-utf-8": b'{"job": "ingest", "input": {"table": "\xff"}}',
    "utf-16": json.dumps(INGEST).encode("utf-16"),
    "half-a-surrogate-pair": b'{"job": "ingest", "input": {"table": "\\ud800"}}',
    "long-number": b'{"job": "ingest", "input": {"n": ' + b"9" * 5_000 + b"}}",
}


def test_what_is_not_strict_json_is_a_problem_and_nothing_is_queued(world: ApiWorld) -> None:
    for name, body in NOT_JSON.items():
        answer = raw(world.ann, body)
        assert fields(answer, 400) == ["body"], name
        assert answer.json()["type"] == "urn:ingest:problem:invalid-json"

    assert world.messages() == []


NOT_REQUESTS: dict[str, tuple[Any, list[str]]] = {
    "list": ([], ["body"]),
    "text": ("ingest", ["body"]),
    "no-job": ({"input": {}}, ["job"]),
    "job-of-wrong-type": ({"job": 1}, ["job"]),
    "job-with-a-path": ({"job": "../ingest"}, ["job"]),
    "job-with-control-characters": ({"job": "ingest\r\nX-Evil: 1"}, ["job"]),
    "input-of-wrong-type": ({"job": "ingest", "input": []}, ["input"]),
    "unknown-field": (INGEST | {"priority": 1}, ["priority"]),
    "several": ({"job": "", "input": 1, "x": 2}, ["job", "input", "x"]),
    "unknown-kind": ({"job": "mine_bitcoin", "input": {}}, ["job"]),
    "no-table": ({"job": "ingest", "input": {}}, ["input.table"]),
    "table-of-wrong-type": ({"job": "ingest", "input": {"table": 7}}, ["input.table"]),
    "unknown-table": ({"job": "ingest", "input": {"table": "sales.refunds"}}, ["input.table"]),
    "unknown-input": ({"job": "ingest", "input": {"table": "sales.orders", "sql": "drop"}}, ["input.sql"]),
    "prefix-outside": (ingest(prefix="clicks/"), ["input.prefix"]),
    "prefix-with-dots": (ingest(prefix="../"), ["input.prefix"]),
    "control-character": (ingest(prefix="orders/\0"), ["input.prefix"]),
    "foreign-bucket": (ingest(objects=["s3://other/orders/a.ndjson"]), ["input.objects.0"]),
    "unknown-field-with-control-characters": (INGEST | {"\x1b[2J\u2028": 1}, ["\\x1b[2J\\u2028"]),
}  # fmt: skip


def test_what_cannot_be_accepted_names_the_field_and_nothing_is_queued(world: ApiWorld) -> None:
    for name, (body, expected) in NOT_REQUESTS.items():
        assert fields(submit(world.boss, body), 422) == expected, name

    assert world.messages() == []
    assert world.services.ledger.jobs.jobs(JobQuery()) == []


def test_a_body_of_10_mb_is_refused_by_its_claim_and_by_its_length(world: ApiWorld) -> None:
    claimed = raw(world.ann, b" " * 10_000_000)
    chunked = world.ann.post("/submit-job", content=iter([b" " * 100_000] * 100), headers=JSON)

    assert problem(claimed, 413)["type"] == "urn:ingest:problem:body-too-large"
    assert "transfer-encoding" in chunked.request.headers
    problem(chunked, 413)
    assert submit(world.ann).status_code == 202


def test_only_json_is_read(world: ApiWorld) -> None:
    body = json.dumps(INGEST).encode()

    for media_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        problem(raw(world.ann, body, **{"Content-Type": media_type}), 415)
    accepted = raw(world.ann, body, **{"Content-Type": "application/json; charset=utf-8"})
    assert accepted.status_code == 202


def test_a_requester_sees_and_cancels_only_its_own_jobs(world: ApiWorld) -> None:
    of_ann, of_boss = submit(world.ann).json()["id"], submit(world.boss).json()["id"]
    reader = world.client(world.token("reader", "jobs:read_all"))
    canceller = world.client(world.token("canceller", "jobs:cancel_all"))

    problem(world.ann.get(f"/job-status/{of_boss}"), 404)
    problem(world.ann.post(f"/jobs/{of_boss}/cancel"), 404)
    assert [one["id"] for one in world.ann.get("/jobs").json()["jobs"]] == [of_ann]
    assert reader.get(f"/job-status/{of_ann}").json()["requester"] == "ann"
    problem(reader.post(f"/jobs/{of_ann}/cancel"), 403)
    problem(canceller.get(f"/job-status/{of_ann}"), 404)
    cancelled = canceller.post(f"/jobs/{of_ann}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    assert [one["id"] for one in world.boss.get("/jobs").json()["jobs"]] == [of_boss, of_ann]


@on_both_ledgers
def test_a_job_that_runs_is_marked_and_one_that_has_ended_is_not_cancelled(world: ApiWorld) -> None:
    job_id = submit(world.ann).json()["id"]
    batch_id = world.running(job_id)
    marked = world.ann.post(f"/jobs/{job_id}/cancel").json()
    world.ended(job_id, batch_id)
    ended = world.ann.post(f"/jobs/{job_id}/cancel")

    assert (marked["state"], marked["cancel_requested"]) == ("running", True)
    assert problem(ended, 409)["type"] == "urn:ingest:problem:job-ended"
    assert world.ann.get(f"/job-status/{job_id}").json()["state"] == "completed"


def test_an_unknown_job_is_not_found(world: ApiWorld) -> None:
    for job_id in ("0" * 32, "0" * 31, "..%2F..%2Fetc", "%00", "%F0%9F%92%A9", "A" * 32):
        problem(world.ann.get(f"/job-status/{job_id}"), 404)
        problem(world.ann.post(f"/jobs/{job_id}/cancel"), 404)


@on_both_ledgers
def test_jobs_are_listed_by_pages_and_filters(world: ApiWorld) -> None:
    ids = [submit(world.boss).json()["id"] for _ in range(5)]
    ids.append(submit(world.boss, {"job": "replay", "input": {"table": "web.clicks"}}).json()["id"])
    world.boss.post(f"/jobs/{ids[0]}/cancel")
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = world.boss.get("/jobs", params={"limit": 4} | ({"cursor": cursor} if cursor else {})).json()
        found += [one["id"] for one in page["jobs"]]
        if (cursor := page["next_cursor"]) is None:
            break

    assert found == ids[::-1]
    by_kind = world.boss.get("/jobs", params={"job": "replay"}).json()
    assert [one["id"] for one in by_kind["jobs"]] == ids[-1:]
    by_state = world.boss.get("/jobs", params={"state": "cancelled"}).json()
    assert [one["id"] for one in by_state["jobs"]] == ids[:1]


def test_a_query_that_is_not_valid_names_its_field(world: ApiWorld) -> None:
    for field, value in (
        ("limit", "0"), ("limit", "many"), ("state", "sleeping"), ("job", "../x"), ("cursor", "AAAA"),
        ("cursor", "!"), ("sort", "up"),
    ):  # fmt: skip
        assert fields(world.ann.get("/jobs", params={field: value}), 422) == [field]


def test_kinds_are_those_of_the_scopes_with_the_tables_of_the_scopes(world: ApiWorld) -> None:
    of_ann = {one["name"]: one for one in world.ann.get("/kinds").json()["kinds"]}
    of_boss = world.boss.get("/kinds").json()["kinds"]

    assert list(of_ann) == ["ingest", "export"]
    assert of_ann["ingest"]["input"]["properties"]["table"]["enum"] == ["sales.orders"]
    assert of_ann["ingest"]["description"].startswith("Load what S3 holds")
    assert [one["name"] for one in of_boss] == ["ingest", "rebuild", "replay", "export"]


def test_a_queue_that_is_gone_is_unavailable_and_the_same_key_is_accepted_later(world: ApiWorld) -> None:
    world.landing.sqs.delete_queue(QueueUrl=world.queue_url)
    refused = submit(world.ann, Idempotency_Key="monday")
    ready = world.nobody.get("/readyz")
    world.landing.sqs.create_queue(QueueName="work")
    accepted = submit(world.ann, Idempotency_Key="monday")

    assert problem(refused, 503)["type"] == "urn:ingest:problem:unavailable"
    assert refused.headers["retry-after"] == "5"
    assert fields(ready, 503) == ["queue"]
    assert accepted.status_code == 202
    assert [one["job_id"] for one in world.messages()] == [accepted.json()["id"]]


def test_a_ledger_that_is_absent_is_unavailable_and_not_created(
    make_world: Callable[..., ApiWorld],
) -> None:
    world = make_world()
    client = world.ann
    (world.landing.folder / "ledger.db").unlink()

    problem(submit(client), 503)
    assert fields(world.nobody.get("/readyz"), 503) == ["ledger"]
    assert world.nobody.get("/healthz").status_code == 200
    assert not (world.landing.folder / "ledger.db").exists()


def test_the_queue_is_asked_once_what_it_accepts(world: ApiWorld) -> None:
    asked: list[str] = []
    client = world.api.deployment.services.aws.sqs()
    client.meta.events.register("before-call.sqs.*", lambda model, **_: asked.append(model.name))

    for _ in range(3):
        assert submit(world.ann).status_code == 202

    assert sorted(asked) == ["GetQueueAttributes"] + ["SendMessageBatch"] * 3


def test_a_link_that_cannot_be_signed_leaves_the_status_without_one(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(world.ann).json()["id"]
    world.ended(job_id, world.running(job_id))
    unsigned = boto3.Session().client("s3", config=Config(signature_version="s3v4"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    without = boto3.Session().client("s3")
    found = world.services.ledger.jobs.job(job_id)
    assert found is not None

    linked = replace(world.services.jobs, s3=lambda _: (unsigned, None)).result_link(found)
    unlinked = replace(world.services.jobs, s3=lambda _: (without, None)).result_link(found)

    assert linked is not None
    assert unlinked is None


def test_a_link_expires_with_the_credentials_of_a_role(aws: str) -> None:
    role = AwsSettings(role_arn="arn:aws:iam::123456789012:role/results")

    expires_at = Aws(role).credentials_expire_at()

    assert expires_at is not None
    assert expires_at > datetime.now(UTC)


def test_the_kinds_of_users_are_checked_by_dagster(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world()
    weather = {
        "job": "ingest_project_tests.job_zone:weather_batch", "op": "simulate", "description": "Simulate it.",
    }  # fmt: skip
    world.write(jobs={"kinds": {"weather": weather}})

    accepted = submit(world.boss, {"job": "weather", "input": {"station": "harbour"}})
    listed = {one["name"]: one for one in world.boss.get("/kinds").json()["kinds"]}

    assert accepted.status_code == 202, accepted.text
    assert listed["weather"] == {
        "name": "weather",
        "description": "Simulate it.",
        "input": {"type": "object"},
    }
    for given, field in (({"station": 7}, "input.station"), ({"station": "a", "env": 1}, "input")):
        assert fields(submit(world.boss, {"job": "weather", "input": given}), 422)[0].startswith(field)
    assert len(world.messages()) == 1
    problem(submit(world.ann, {"job": "weather", "input": {"station": "harbour"}}), 403)
