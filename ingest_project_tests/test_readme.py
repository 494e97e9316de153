"""What the README tells people to type, typed as it stands there."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from click.testing import CliRunner
from dagster._core.workspace.load import location_origins_from_yaml_paths

from ingest_project.cli.main import ingest
from ingest_project_tests.factories import Zone, orders_table

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(
    r"^ *<!-- runs: (?P<name>[^ ]+) -->\n(?P<indent> *)```[a-z]*\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)

AWS = """#!{python}
import json, sys
import boto3

service, command, *options = sys.argv[1:]
given = dict(zip(options[::2], options[1::2], strict=True))
client = boto3.client("s3" if service == "s3api" else service)
if command == "create-queue":
    client.create_queue(QueueName=given["--queue-name"], Attributes=json.loads(given["--attributes"]))
elif command == "set-queue-attributes":
    name = given["--queue-url"].rpartition("/")[2]
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes=json.loads(given["--attributes"]))
elif command == "put-bucket-notification-configuration":
    configuration = json.loads(given["--notification-configuration"])
    client.put_bucket_notification_configuration(
        Bucket=given["--bucket"], NotificationConfiguration=configuration
    )
else:
    sys.exit(f"no such command here: {{command}}")
"""
"""The AWS CLI as far as the README uses it, on the emulator."""


def block(name: str) -> str:
    """The code behind the mark `<!-- runs: name -->`."""
    found = [match for match in BLOCK.finditer(README.read_text(encoding="utf-8")) if match["name"] == name]
    assert len(found) == 1, f"{len(found)} blocks named {name}"
    return dedent(found[0]["code"])


@pytest.fixture
def lake(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zone]:
    """sales.orders with two orders, with the catalog of the repository's ingest.yaml; changes to its
    folder.
    """
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    (tmp_path / ".dagster").mkdir()
    zone = Zone.create(tmp_path, aws)
    columns = {"order_id": "long", "amount": "decimal(12,2)", "ordered_at": "timestamptz"}
    zone.landing.write(
        tables=[orders_table(columns=columns)],
        catalog={"type": "sql", "uri": "sqlite:///.dagster/catalog.db", "warehouse": ".dagster/warehouse"},
    )
    zone = zone.restarted()
    zone.put(
        "orders/dt=2026-11-20/a.ndjson",
        b'{"order_id": 1, "amount": 2.5, "ordered_at": "2026-11-20T10:00:00Z"}\n'
        b'{"order_id": 2000, "amount": 40, "ordered_at": "2026-11-21T00:00:00Z"}\n',
    )
    zone.ingest_one()
    monkeypatch.setenv("INGEST_CONFIG", str(zone.landing.settings_path))
    with chdir(tmp_path):
        yield zone


def test_queues_made_as_it_says_pass_our_own_check(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3").create_bucket(Bucket="my-landing")
    (tmp_path / "queue-policy.json").write_text(block("queue-policy.json"))
    cli = tmp_path / "bin" / "aws"
    cli.parent.mkdir()
    cli.write_text(AWS.format(python=sys.executable))
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cli.parent}{os.pathsep}{os.environ['PATH']}")
    for name in ("queues", "notification"):
        subprocess.run(["bash", "-euc", block(name)], cwd=tmp_path, check=True)
    settings: dict[str, Any] = yaml.safe_load(block("ingest.yaml"))
    settings["queues"][0]["url"] = f"{aws}/123456789012/landing"
    settings["catalog"] = {"type": "sql", "uri": "sqlite:///catalog.db", "warehouse": "warehouse"}
    (tmp_path / "ingest.yaml").write_text(yaml.safe_dump(settings))

    done = CliRunner().invoke(
        ingest, ["--config", str(tmp_path / "ingest.yaml"), "check"], env={"COLUMNS": "300"}
    )

    assert done.exit_code == 0, done.stdout
    of_queue = [line for line in done.stdout.splitlines() if re.search(r"\b(landing|sales\.orders): ", line)]
    assert of_queue
    assert [line for line in of_queue if not line.startswith("ok") and "key" not in line] == []


def test_tables_are_read_as_it_says(lake: Zone) -> None:
    names: dict[str, Any] = {}

    exec(block("readers"), names)  # noqa: S102 - the README is ours

    assert names["rows"].to_pylist()[0]["order_id"] == 1
    assert float(names["total"]) == 42.5
    assert [order for order, _ in names["largest"]] == [2000, 1]


def test_an_asset_behind_a_table_in_definitions_that_are_merged(
    lake: Zone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "my_company"
    package.mkdir()
    (package / "definitions.py").write_text(block("my_company/definitions.py"))
    monkeypatch.syspath_prepend(str(tmp_path))

    merged: dg.Definitions = importlib.import_module("my_company.definitions").defs
    monkeypatch.delitem(sys.modules, "my_company.definitions")

    graph = merged.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["sales", "revenue"])).parent_keys == {dg.AssetKey(["sales", "orders"])}
    assert merged.resolve_job_def("landing_ingest").name == "landing_ingest"
    revenue = merged.resolve_assets_def(dg.AssetKey(["sales", "revenue"]))
    done = dg.materialize([revenue], partition_key="2026-11-20")
    (made,) = done.asset_materializations_for_node(revenue.node_def.name)
    assert made.metadata["revenue"].value == 2.5


def test_both_code_locations_are_in_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text(block("workspace.yaml"))

    origins = location_origins_from_yaml_paths([str(tmp_path / "workspace.yaml")])

    assert [origin.location_name for origin in origins] == ["ingest_project", "my_company"]
