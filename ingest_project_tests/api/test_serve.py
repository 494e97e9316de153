"""`ingest api` as a process: where it listens, how it ends, and when it refuses to start."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project_tests.api.world import INGEST, ApiWorld
from ingest_project_tests.patience import PATIENCE_SECONDS


def run(world: ApiWorld, *arguments: str) -> Result:
    return CliRunner().invoke(ingest, ["--config", str(world.landing.settings_path), *arguments])


@contextmanager
def served(world: ApiWorld, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The process of `ingest api`, and its URL."""
    command = [
        sys.executable, "-c", "from ingest_project.cli.main import main; main()", "--config",
        str(world.landing.settings_path), "api", "--port", "0", *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("ingest api listens on http://127.0.0.1:"), line + process.stderr.read()
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)


def test_a_token_made_by_the_command_is_let_in_and_sigterm_ends_the_api_in_good_order(
    world: ApiWorld,
) -> None:
    made = run(world, "api", "token", "ann", "--scope", "job:*", "--scope", "table:*", "--expires", "1d")
    token = made.stdout.strip()
    with served(world) as (process, url):
        headers = {"Authorization": f"Bearer {token}"}
        accepted = httpx.post(f"{url}/submit-job", json=INGEST, headers=headers, trust_env=False)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)

    assert accepted.status_code == 202
    assert process.returncode == 0
    (line,) = stdout.splitlines()
    assert json.loads(line)["requester"] == "ann"
    assert token not in stdout + stderr
    assert token not in world.tokens_path.read_text()
    assert "Traceback" not in stderr


def test_a_port_that_is_taken_is_told(world: ApiWorld) -> None:
    with served(world) as (_, url):
        port = url.rpartition(":")[2]
        refused = run(world, "api", "--port", port)

    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"error: port {port} of 127.0.0.1 cannot be used: ")


def test_it_refuses_to_start_where_strangers_would_be_let_in(
    world: ApiWorld,
) -> None:
    world.write(api={"open": True})
    refused = run(world, "api", "--host", "0.0.0.0")  # noqa: S104 - that is the point

    assert refused.exit_code == 2
    assert "only for a loopback host" in refused.output


def test_it_refuses_to_start_without_its_settings(world: ApiWorld) -> None:
    world.write(api=None)

    refused = run(world, "api")

    assert refused.exit_code == 2
    assert "add `api: {tokens: {file: tokens.json}}`" in refused.output


def test_tokens_are_added_replaced_and_refused(world: ApiWorld) -> None:
    assert run(world, "api", "token", "ann", "--scope", "metrics").exit_code == 0
    assert run(world, "api", "token", "ann", "--scope", "job:*").exit_code == 0
    assert run(world, "api", "token", "ben", "--scope", "job:*").exit_code == 0
    names = [one["name"] for one in json.loads(world.tokens_path.read_text())["tokens"]]
    replaced = run(world, "api", "token", "ann", "--scope", "table:*", "--replace")
    kept = json.loads(world.tokens_path.read_text())["tokens"]
    refused = run(world, "api", "token", "ann", "--scope", "everything")

    assert names == ["ann", "ann", "ben"]
    assert replaced.exit_code == 0
    assert [(one["name"], one["scopes"]) for one in kept] == [("ben", ["job:*"]), ("ann", ["table:*"])]
    assert refused.exit_code == 2
    assert "'everything' is not a scope" in refused.output
    assert json.loads(world.tokens_path.read_text())["tokens"] == kept


def test_a_token_for_a_secret_is_printed_with_the_entry_to_add(make_world: Callable[..., ApiWorld]) -> None:
    world = make_world(tokens={"secret": "ingest/tokens"})

    made = run(world, "api", "token", "ann", "--scope", "metrics")

    assert made.exit_code == 0
    assert '"name": "ann"' in made.stderr
    assert made.stdout.strip() not in made.stderr


def test_importing_the_commands_does_not_import_the_api() -> None:
    heavy = ("fastapi", "uvicorn", "jwt", "dagster")
    code = f"import sys, ingest_project.cli.main; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_api_does_not_import_dagster_without_kinds_of_users(world: ApiWorld) -> None:
    code = (
        "import sys; from pathlib import Path; from ingest_project.api.serve import open_api;"
        "from ingest_project.settings.load import load_settings;"
        f"open_api(load_settings(Path({str(world.landing.settings_path)!r})));"
        "print([m for m in ('dagster', 'polars', 'pyiceberg') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
