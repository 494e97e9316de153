"""The command `ingest` on a landing zone in the emulator: what it prints, and the codes it exits with."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project.errors import LedgerUnavailable
from ingest_project_tests.landing import Landing

COMMAND = [sys.executable, "-c", "from ingest_project.cli.main import main; main()"]


@pytest.fixture
def landing(aws: str, tmp_path: Path) -> Landing:
    zone = Landing(tmp_path, aws)
    zone.create()
    zone.services().ledger.close()  # the first tick of a sensor makes the ledger
    return zone


def run(landing: Landing, *arguments: str) -> Result:
    return CliRunner().invoke(ingest, ["--config", str(landing.settings_path), *arguments])


def test_wrong_settings_are_one_error_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "ingest.yaml").write_text("queues: []\n", encoding="utf-8")

    done = subprocess.run([*COMMAND, "status"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ingest.yaml:")
    assert "Traceback" not in done.stderr


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C ends a process, as it does unless a shell started the tests in the background."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_command_at_once_with_130_and_no_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        Landing(tmp_path, endpoint).write()
        environment = os.environ | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        started = subprocess.Popen(
            [*COMMAND, "status"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        )
        silent.settimeout(60)
        asked, _ = silent.accept()
        with asked:
            started.send_signal(signal.SIGINT)
            _, stderr = started.communicate(timeout=25)  # it waits 30 s for an answer

    assert started.returncode == 130
    assert "Traceback" not in stderr


HEAVY = {
    "asyncio", "boto3", "botocore", "concurrent.futures", "dagster", "fastapi", "fastavro", "httpx",
    "importlib.metadata", "msgspec", "obstore", "polars", "pyarrow", "pydantic", "pyiceberg", "rich.table",
    "sqlalchemy", "ssl", "urllib.request", "uvicorn", "yaml", "ingest_project.services",
    "ingest_project.settings.model",
}  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["--no-such-option"]])
def test_help_and_wrong_usage_load_nothing_heavy(arguments: list[str]) -> None:
    program = f"""
import atexit, sys
atexit.register(lambda: print(sorted({HEAVY} & sys.modules.keys())))
from ingest_project.cli.main import main
sys.argv[1:] = {arguments}
main()
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode in {0, 2}
    assert "Usage: ingest" in done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_of_a_sound_zone_exits_with_0(landing: Landing) -> None:
    done = run(landing, "check")

    assert done.exit_code == 0
    assert "0 problems" in done.stdout


def test_check_names_problem_and_remedy_and_exits_with_1(landing: Landing) -> None:
    landing.notify([])

    done = run(landing, "check")

    assert done.exit_code == 1
    assert "sales.orders: acme-landing does not send events" in done.stdout
    (remedy, _) = [
        line for line in done.stdout.splitlines() if line.startswith("-> aws s3api put-bucket-notif")
    ]
    assert json.loads(shlex.split(remedy)[-1])["QueueConfigurations"]  # the whole command is on one line
    assert "2 problems" in done.stdout


def test_check_as_json(landing: Landing) -> None:
    landing.notify([])

    done = run(landing, "check", "--json")

    answer = json.loads(done.stdout)
    assert done.exit_code == 1
    assert answer["ok"] is False
    assert [one["subject"] for one in answer["findings"] if one["level"] == "problem"] == [
        "sales.orders", "web.clicks",
    ]  # fmt: skip
    assert {tuple(one) for one in answer["findings"]} == {("check", "subject", "level", "message", "remedy")}


def test_status_for_people(landing: Landing) -> None:
    done = run(landing, "status")

    assert done.exit_code == 0
    assert "sales.orders" in done.stdout
    assert "\x1b" not in done.stdout


def test_status_as_json(landing: Landing) -> None:
    done = run(landing, "status", "--json")

    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(answer) == [
        "complete", "at", "queues", "batches", "open_batches", "tables", "failures", "ledger_error",
        "problems", "jobs", "snapshots",
    ]  # fmt: skip
    assert answer["complete"] is True
    assert datetime.fromisoformat(answer["at"]).tzinfo == UTC
    assert answer["queues"][0]["dlq"]["depth"] == 0


def test_status_exits_with_1_if_a_queue_does_not_answer_and_shows_the_rest(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "160")  # narrower, the error is broken into several lines

    done = run(landing, "status")

    assert done.exit_code == 1
    assert "EndpointConnectionError" in done.stdout
    assert "sales.orders" in done.stdout


def test_status_exits_with_1_if_the_ledger_was_removed(landing: Landing) -> None:
    (landing.folder / "ledger.db").unlink()

    done = run(landing, "status")
    again = run(landing, "status", "--json")

    assert (done.exit_code, again.exit_code) == (1, 1)
    assert "there is no ledger at" in done.stdout
    assert "Nothing" not in done.stdout
    assert json.loads(again.stdout)["complete"] is False


def test_status_exits_with_1_if_the_ledger_is_not_that_of_the_queue(landing: Landing) -> None:
    landing.sqs.send_message(QueueUrl=landing.queue_url, MessageBody="{}")
    landing.sqs.receive_message(QueueUrl=landing.queue_url, MaxNumberOfMessages=1)

    done = run(landing, "status")

    assert done.exit_code == 1
    assert "1 message in flight" in done.stdout


def test_config_wins_over_the_environment(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_CONFIG", str(landing.folder / "absent.yaml"))

    assert run(landing, "status").exit_code == 0
    assert CliRunner().invoke(ingest, ["status"]).exit_code == 2


def test_any_other_error_of_ours_is_one_line_and_exit_code_1(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_services: object) -> None:
        raise LedgerUnavailable("the ledger\x1b[2J is away")

    monkeypatch.setattr("ingest_project.reports.status.collect_status", fail)

    done = run(landing, "status")

    assert done.exit_code == 1
    assert done.stderr == "error: the ledger\\x1b[2J is away\n"


def test_the_demo_takes_no_settings(landing: Landing) -> None:
    done = run(landing, "demo")

    assert done.exit_code == 2
    assert "leave --config out" in done.stderr


def test_the_version_is_printed() -> None:
    assert CliRunner().invoke(ingest, ["--version"]).stdout.startswith("ingest ")
