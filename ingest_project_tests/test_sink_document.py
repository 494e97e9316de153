"""The examples of docs/sink.md, run as they are there."""

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner

from ingest_project.cli.main import ingest
from ingest_project.defs.queue_sink import SqsSink
from ingest_project_tests.factories import Zone

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

DOCUMENT = Path(__file__).parents[1] / "docs" / "sink.md"
CALL, JOBS = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
(COMMANDS,) = re.findall(r"^```\n(ingest .*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
URL = "https://sqs.us-east-1.amazonaws.com/123456789012/landing"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    zone = Zone.create(tmp_path, aws)
    monkeypatch.setenv("INGEST_CONFIG", str(zone.landing.settings_path))
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    monkeypatch.chdir(tmp_path)
    return zone


def bodies(zone: Zone) -> list[str]:
    client: SQSClient = zone.landing.sqs
    found = client.receive_message(QueueUrl=zone.landing.queue_url, MaxNumberOfMessages=10)
    return sorted(one["Body"] for one in found.get("Messages", ()))


def test_call_sends_its_entries_and_tells_what_became_of_each(
    zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(CALL, DOCUMENT.name, "exec"), {})  # noqa: S102

    assert bodies(zone) == ["..."]  # the other one is delayed
    assert [line.rsplit(" ", 2)[0] for line in capsys.readouterr().out.splitlines()] == ["order 1", "order 2"]


def test_jobs_send_an_asset_and_a_table_and_store_what_failed(zone: Zone, tmp_path: Path) -> None:
    stored: list[pl.DataFrame] = []

    @dg.op
    def store(failed: pl.DataFrame) -> None:
        stored.append(failed)

    @dg.asset
    def revenue() -> pl.DataFrame:
        return pl.DataFrame({"shop": ["a"], "revenue": [1]})

    names: dict[str, Any] = {"revenue": revenue, "store": store, "__name__": __name__}
    exec(compile(JOBS, DOCUMENT.name, "exec"), names)  # noqa: S102
    zone.put_orders("a", 7)
    zone.ingest_one()
    assert zone.acknowledge().deleted == 1
    files = dg.FilesystemIOManager(base_dir=str(tmp_path / "io"))
    resources = {"sqs": SqsSink(zone.services), "io_manager": files}
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([revenue], instance=instance, resources={"io_manager": files})
        for job in (names["revenue_to_queue"], names["orders_to_queue"]):
            assert job.execute_in_process(resources=resources, instance=instance).success

    assert bodies(zone) == ['{"order_id":7}', '{"shop":"a","revenue":1}']
    assert [one.height for one in stored] == [0, 0]


def test_commands_send_their_lines_and_what_failed_once_more(zone: Zone, tmp_path: Path) -> None:
    (tmp_path / "bodies.txt").write_text("one\n")
    (tmp_path / "entries.ndjson").write_text(json.dumps({"MessageBody": "two"}) + "\n")
    commands = [line.partition("#")[0].strip() for line in COMMANDS.replace(URL, "landing").splitlines()]

    for command in commands:
        first, _, otherwise = command.partition(" || ")
        if run(first) and otherwise:
            assert run(otherwise) == 0

    assert bodies(zone) == ["one", "one", "produced", "two"]


def run(command: str) -> int:
    """The exit code of `ingest ...`, or of `producer | ingest ...`."""
    producer, _, line = command.rpartition(" | ")
    _, *arguments = shlex.split(line)
    return CliRunner().invoke(ingest, arguments, input="produced\n" if producer else None).exit_code
