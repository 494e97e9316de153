"""`ingest job` against the real API: what it submits, shows and refuses, and its exit codes."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project.ledger.ledger import Ledger
from ingest_project.sources.jobs.request import JobRequest
from ingest_project_tests.api.conftest import make_world
from ingest_project_tests.api.world import ANN, QUEUE, ApiWorld
from ingest_project_tests.cli.scripted_api import Answer, ScriptedApi
from ingest_project_tests.ledger import job_factories

__all__ = ["make_world"]
EXPORT = ("--set", "table=sales.orders")


@pytest.fixture
def world(make_world: Callable[..., ApiWorld]) -> ApiWorld:
    return make_world()


@pytest.fixture
def ledger(world: ApiWorld) -> Iterator[Ledger]:
    opened = Ledger(world.services.settings.ledger.url)
    yield opened
    opened.close()


@pytest.fixture
def job(world: ApiWorld) -> Callable[..., Result]:
    """Runs `ingest job` as ann, at the URL of the API."""
    token = world.token("ann", *ANN)

    def run(*arguments: str, stdin: str | None = None) -> Result:
        environment = {"INGEST_API_TOKEN": token, "INGEST_API_URL": world.url, "COLUMNS": "250"}
        result = CliRunner().invoke(ingest, ["job", *arguments], env=environment, input=stdin)
        assert token not in result.output + result.stderr
        return result

    return run


def submitted(job: Callable[..., Result]) -> JobRequest:
    found = json.loads(job("submit", "export", *EXPORT, "--json").stdout)
    at = datetime.fromisoformat(found["submitted_at"])
    return JobRequest(found["id"], "export", '{"table":"sales.orders"}', "ann", at)


def test_a_submitted_job_is_on_the_queue_with_its_input(world: ApiWorld, job: Callable[..., Result]) -> None:
    result = job(
        "submit", "export", "--input", '{"table": "web", "max_rows": 5}', *EXPORT, "--set", "format=csv"
    )

    assert result.exit_code == 0, result.stderr
    assert "submitted" in result.stdout
    (message,) = world.messages()
    assert message["input"] == {"table": "sales.orders", "max_rows": 5, "format": "csv"}


def test_the_input_may_come_from_a_file_or_from_stdin(
    world: ApiWorld, job: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '{"table": "sales.orders"}'
    (tmp_path / "input.json").write_text(text)

    assert job("submit", "export", "--input", "-", stdin=text).exit_code == 0
    assert job("submit", "export", "--input", "@input.json").exit_code == 0

    assert [one["input"] for one in world.messages()] == [{"table": "sales.orders"}] * 2


def test_the_same_key_is_the_same_job(job: Callable[..., Result]) -> None:
    first, second = (
        json.loads(job("submit", "export", *EXPORT, "--idempotency-key", "k", "--json").stdout) for _ in "ab"
    )
    other = job("submit", "export", *EXPORT, "--set", "max_rows=1", "--idempotency-key", "k")

    assert first["id"] == second["id"]
    assert other.exit_code == 2
    assert "error: Idempotency-Key: " in other.stderr


def test_what_is_refused_is_told_by_field(job: Callable[..., Result]) -> None:
    for arguments, field in (
        (("submit", "export", "--set", "table=no.such"), "input.table: "),
        (("submit", "export", *EXPORT, "--set", "colour=red"), "input.colour: "),
        (("submit", "rebuild", *EXPORT), "job: "),
        (("status", "f" * 32), "there is no job with this id"),
        (("status", "../healthz"), "There is no such thing"),
        (("cancel", "nothing"), "There is no such thing"),
    ):
        result = job(*arguments)

        assert result.exit_code == 2, arguments
        assert field in result.stderr
        assert result.stderr.startswith("error: ")


def test_waiting_tells_by_its_exit_code_how_a_job_ended(job: Callable[..., Result], ledger: Ledger) -> None:
    one = submitted(job)
    waited: list[Result] = []
    waiting = Thread(target=lambda: waited.append(job("wait", one.job_id)))
    waiting.start()
    job_factories.complete(ledger, one, queue=QUEUE)
    waiting.join()
    failed = submitted(job)
    job_factories.fail(ledger, failed, queue=QUEUE)

    assert waited[0].exit_code == 0, waited[0].stderr
    assert "completed" in waited[0].stdout
    result = job("wait", failed.job_id)
    assert result.exit_code == 1
    assert "job_failed: it is too warm" in result.stdout


def test_a_cancelled_job_has_its_own_exit_code(job: Callable[..., Result]) -> None:
    one = submitted(job)

    assert job("cancel", one.job_id).exit_code == 0
    assert job("wait", one.job_id).exit_code == 3
    assert job("status", one.job_id).exit_code == 0
    assert job("cancel", one.job_id).exit_code == 0


def test_what_has_ended_otherwise_cannot_be_cancelled(job: Callable[..., Result], ledger: Ledger) -> None:
    one = submitted(job)
    job_factories.complete(ledger, one, queue=QUEUE)

    result = job("cancel", one.job_id)

    assert result.exit_code == 2
    assert "has ended" in result.stderr


def test_waiting_no_longer_than_the_timeout_leaves_the_job_alone(job: Callable[..., Result]) -> None:
    result = job("submit", "export", *EXPORT, "--wait", "--timeout", "1s")

    assert result.exit_code == 4
    assert "it goes on" in result.stderr
    assert "submitted" in result.stdout


def test_jobs_are_listed_by_kind_and_state_over_all_pages(
    job: Callable[..., Result], ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_project.cli.job_client.PAGE", 2)
    made = [submitted(job).job_id for _ in range(5)]
    job("cancel", made[0])

    def ids(*arguments: str) -> list[str]:
        return [one["id"] for one in json.loads(job("list", *arguments, "--json").stdout)["jobs"]]

    assert ids("--all") == made[::-1]
    assert ids("--limit", "3") == made[:1:-1]
    assert ids("--state", "cancelled") == made[:1]
    assert ids("--job", "ingest") == []
    shown = job("list").stdout
    assert all(one in shown for one in made)
    assert job("list", "--state", "running").stdout == "There are no such jobs.\n"


def test_a_token_may_come_from_a_file_and_a_wrong_one_is_not_shown(world: ApiWorld, tmp_path: Path) -> None:
    token = world.token("file", *ANN)
    good, bad, odd = (tmp_path / name for name in ("good", "bad", "odd"))
    good.write_text(f"{token}\n")
    bad.write_text("hunter2")
    odd.write_text("hunter2 and\nmore")

    def listed(*arguments: str) -> Result:
        environment = {"INGEST_API_TOKEN": "", "INGEST_API_URL": world.url}
        return CliRunner().invoke(ingest, ["job", *arguments, "list"], env=environment)

    assert listed("--token-file", str(good)).exit_code == 0
    for path in (bad, odd, tmp_path / "none"):
        result = listed("--token-file", str(path))
        assert result.exit_code == 2
        assert "hunter2" not in result.output + result.stderr
    assert "INGEST_API_TOKEN" in listed().stderr


def test_the_url_is_that_of_the_settings_unless_another_is_given(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(world.url.rpartition(":")[2])
    world.api_settings["port"] = port
    world.write()
    environment = {"INGEST_API_TOKEN": world.token("ann", *ANN), "INGEST_API_URL": ""}
    arguments = ["--config", str(world.landing.settings_path), "job"]

    assert CliRunner().invoke(ingest, [*arguments, "list"], env=environment).exit_code == 0
    wrong = CliRunner().invoke(ingest, [*arguments, "--url", "http://ann:pw@host", "list"], env=environment)
    assert wrong.exit_code == 2
    assert "pw" not in wrong.stderr


JOB = {
    "id": "0" * 32, "job": "export", "state": "submitted", "submitted_at": "2026-11-30T12:00:00Z",
    "queued_at": None, "started_at": None, "ended_at": None, "attempts": 0, "cancel_requested": False,
    "requester": "ann", "progress": None, "error": None, "result": None, "manifest": None,
}  # fmt: skip


def scripted(api: ScriptedApi, *arguments: str) -> Result:
    environment = {"INGEST_API_URL": api.url, "INGEST_API_TOKEN": "hunter2"}
    return CliRunner().invoke(ingest, ["job", *arguments], env=environment)


def test_a_request_without_an_answer_is_sent_again_under_the_same_key() -> None:
    busy = Answer(429, {"title": "Too many requests"}, {"Retry-After": "0"})
    down = Answer(503, {"title": "It is down"}, {"Retry-After": "Mon, 30 Nov 2020 12:00:00 GMT"})
    with ScriptedApi(busy, None, down, Answer(202, JOB)) as api:
        result = scripted(api, "submit", "export", *EXPORT)

    assert result.exit_code == 0, result.stderr
    keys = {one.headers["Idempotency-Key"] for one in api.requests}
    assert len(api.requests) == 4
    assert len(keys) == 1
    assert len(keys.pop()) == 32


def test_an_api_that_never_answers_is_given_up_after_a_few_trials() -> None:
    down = Answer(503, {"title": "It is down", "detail": "try later"}, {"Retry-After": "0"})
    with ScriptedApi(*[down] * 9) as api:
        result = scripted(api, "list")

    assert result.exit_code == 5
    assert len(api.requests) == 5
    assert "It is down: try later" in result.stderr
    assert "hunter2" not in result.output + result.stderr


@pytest.mark.parametrize("answer", [Answer(200, "<html>"), Answer(500, "oops"), Answer(302, {})])
def test_an_answer_of_something_else_is_told(answer: Answer) -> None:
    with ScriptedApi(answer) as api:
        result = scripted(api, "list")

    assert result.exit_code == 5
    assert "is this the URL of `ingest api`?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "export", "--input", "{"),
        ("submit", "export", "--input", "[]"),
        ("submit", "export", "--input", "@no such file"),
        ("submit", "export", "--set", "table"),
        ("submit", "export", "--idempotency-key", "a b"),
        ("submit", "export", "--timeout", "1s"),
        ("--url", "ftp://x", "list"),
    ],
)
def test_wrong_usage_asks_nobody(arguments: Sequence[str]) -> None:
    with ScriptedApi() as api:
        result = scripted(api, *arguments)

    assert result.exit_code == 2
    assert api.requests == []


def test_control_characters_of_an_answer_do_not_reach_the_terminal() -> None:
    odd = {**JOB, "requester": "\x1b[2Jann", "submitted_at": datetime.now(UTC).isoformat()}
    refused = Answer(422, {"title": "no\x1b[2J", "errors": [{"field": "\x1b[1A", "reason": "\x07"}]})
    with ScriptedApi(Answer(200, odd), refused) as api:
        shown = scripted(api, "status", "0" * 32)
        told = scripted(api, "status", "0" * 32)

    assert "\\x1b[2Jann" in shown.stdout
    assert "\x1b" not in shown.stdout + told.stderr
    assert "\x07" not in told.stderr
