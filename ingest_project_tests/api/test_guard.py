"""Request ids, headers, the access log, and what happens to exceptions that nobody expects."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from ingest_project.api import guard
from ingest_project_tests.api.world import INGEST, ApiWorld, problem

NAME = "ingest_project.api.access"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The lines of the access log so far."""
    caplog.set_level(logging.INFO, "ingest_project.api.access")
    return lambda: [
        json.loads(one.message) for one in caplog.records if one.name == "ingest_project.api.access"
    ]


def test_the_access_log_says_who_did_what_and_never_a_token_a_body_or_a_query(
    world: ApiWorld, lines: Callable[[], list[dict[str, Any]]], caplog: pytest.LogCaptureFixture
) -> None:
    token = world.token("ann", "job:*", "table:*")
    client = world.client(token)
    secret = {"job": "ingest", "input": {"table": "sales.orders", "prefix": "orders/hunter2"}}
    job = client.post(
        "/submit-job", json=secret, headers={"X-Request-Id": "r1", "Idempotency-Key": "hunter2"}
    )
    client.get(f"/job-status/{job.json()['id']}")
    client.get("/jobs", params={"cursor": "hunter2"})
    client.get("/nowhere/hunter2")
    world.client("hunter2").get("/jobs")

    world.close()  # a line is written after the answer was sent
    found = lines()
    assert [(one["requester"], one["method"], one["path"], one["status"]) for one in found] == [
        ("ann", "POST", "/submit-job", 202),
        ("ann", "GET", "/job-status/{job_id}", 200),
        ("ann", "GET", "/jobs", 422),
        (None, "GET", "unmatched", 404),
        (None, "GET", "/jobs", 401),
    ]
    assert found[0]["request_id"] == "r1"
    assert found[0]["job_id"] == found[1]["job_id"] == job.json()["id"]
    assert set(found[2]) == {"at", "request_id", "requester", "method", "path", "status", "ms"}
    assert "hunter2" not in caplog.text
    assert token not in caplog.text


def test_a_request_id_is_taken_over_if_it_is_valid_and_else_made(world: ApiWorld) -> None:
    for given in ("a", "A-1_b.c", "x" * 128):
        assert world.nobody.get("/healthz", headers={"X-Request-Id": given}).headers["x-request-id"] == given
    for given in ("", "two words", "x" * 129, "a\tb", "{}"):
        made = world.nobody.get("/healthz", headers={"X-Request-Id": given}).headers["x-request-id"]
        assert len(made) == 32


def test_every_answer_has_the_headers_that_keep_browsers_from_harm(world: ApiWorld) -> None:
    for path in ("/", "/page/page.js", "/healthz", "/jobs", "/nowhere", "/openapi.json"):
        headers = world.nobody.get(path, headers={"Origin": "https://evil.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert not [name for name in headers if name.startswith("access-control")]
        assert "server" not in headers


def test_a_preflight_of_another_origin_is_refused(world: ApiWorld) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answer = world.nobody.options("/submit-job", headers=headers)

    problem(answer, 405)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_paths_and_methods_that_do_not_exist_are_problems(world: ApiWorld) -> None:
    for path in ("/submit-job/", "/docs", "/page/../app.py", "/page/page.html", "/page/%2e%2e%2fapp.py"):
        problem(world.ann.get(path), 404)
    answer = world.ann.delete("/jobs")
    problem(answer, 405)
    assert answer.headers["allow"] == "GET"


def test_an_unexpected_exception_is_a_problem_without_its_text_and_is_logged_by_its_place(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("ingest_project.api.job_routes.job_status", broken)

    answer = world.ann.post("/submit-job", json=INGEST, headers={"X-Request-Id": "r1"})

    assert problem(answer, 500)["type"] == "urn:ingest:problem:internal-error"
    assert "hunter2" not in answer.text + caplog.text
    assert "Traceback" not in answer.text + caplog.text
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert record.message.startswith("request r1: unexpected RuntimeError at ")
    assert "test_guard.py" in record.message


def test_more_requests_than_the_api_holds_are_told_to_come_back(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MAX_IN_PROGRESS", 0)

    answer = world.nobody.get("/healthz")

    assert problem(answer, 503)["type"] == "urn:ingest:problem:overloaded"
    assert answer.headers["retry-after"] == "1"
