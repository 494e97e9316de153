"""The demo's state and settings are its own, and nothing leads out of them."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from ingest_project.demo.databases import Databases, databases
from ingest_project.demo.deployment import SETTINGS, TOP, deployment, fresh_state_dir
from ingest_project.demo.sample_data import CLICKS, DEVICES, EVENTS, ORDERS
from ingest_project.errors import SettingsError

ENDPOINT = "http://127.0.0.1:9"
QUEUE_URLS = {name: f"{ENDPOINT}/123456789012/{name}" for name in ("landing", "events", "requests")}
NOW = datetime(2026, 3, 1, 0, 20, tzinfo=UTC)


def test_state_of_an_earlier_demo_is_removed(tmp_path: Path) -> None:
    with fresh_state_dir(tmp_path / "demo") as folder:
        (folder / "ledger.db").write_text("old")

    with fresh_state_dir(tmp_path / "demo") as folder:
        assert [path.name for path in folder.iterdir()] == ["home"]


def test_two_demos_at_once_do_not_share_their_state(tmp_path: Path) -> None:
    with (
        fresh_state_dir(tmp_path / "demo"),
        pytest.raises(SettingsError, match="another demo is running"),
        fresh_state_dir(tmp_path / "demo"),
    ):
        pass


def test_the_environment_leads_to_the_demo_only_and_is_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("INGEST_CONFIG", "/etc/ingest.yaml")
    before = dict(os.environ)

    with (
        fresh_state_dir(tmp_path / "demo") as folder,
        databases(folder, None) as empty,
        deployment(folder, empty, endpoint=ENDPOINT, queue_urls=QUEUE_URLS, now=NOW) as place,
    ):
        settings = place.services.settings
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["INGEST_CONFIG"] == str(SETTINGS)
        assert [queue.url for queue in settings.queues] == [*QUEUE_URLS.values()]
        assert settings.ledger.url == f"sqlite:///{folder}/ledger.db"
        assert settings.catalog.properties["uri"] == f"sqlite:///{folder}/catalog.db"
        assert settings.catalog.properties["warehouse"] == f"file://{folder}/warehouse"

    assert dict(os.environ) == before


def test_partitions_start_where_the_data_does(tmp_path: Path) -> None:
    with (
        fresh_state_dir(tmp_path / "demo") as folder,
        databases(folder, None) as empty,
        deployment(folder, empty, endpoint=ENDPOINT, queue_urls=QUEUE_URLS, now=NOW) as place,
    ):
        partitions = {table.name: table.partition for table in place.services.settings.tables}

    starts = {name: f"{one.start_time}" for name, one in partitions.items() if one is not None}
    assert starts == {
        ORDERS: "2026-02-15 00:00:00", CLICKS: "2026-02-27 00:00:00", DEVICES: "2025-09-01 00:00:00",
        EVENTS: "2026-02-15 00:00:00",
    }  # fmt: skip


def test_own_settings_do_not_reach_the_demo_and_the_demo_does_not_touch_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ingest.yaml").write_text("this is not YAML: [")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INGEST_CONFIG", str(tmp_path / "ingest.yaml"))

    with (
        fresh_state_dir(tmp_path / "state" / "demo") as folder,
        databases(folder, None) as empty,
        deployment(folder, empty, endpoint=ENDPOINT, queue_urls=QUEUE_URLS, now=NOW) as place,
    ):
        assert [table.name for table in place.services.settings.tables] == [EVENTS, ORDERS, CLICKS, DEVICES]


def test_dagsters_configuration_is_the_projects_and_names_postgresql_without_its_password(
    tmp_path: Path,
) -> None:
    urls = Databases(
        f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/catalog.db", "postgresql://u:hunter2@h/d"
    )
    with (
        fresh_state_dir(tmp_path / "demo") as folder,
        deployment(folder, urls, endpoint=ENDPOINT, queue_urls=QUEUE_URLS, now=NOW),
    ):
        assert os.environ["DEMO_DAGSTER_URL"] == "postgresql://u:hunter2@h/d"
        written = (folder / "home" / "dagster.yaml").read_text()

    assert "hunter2" not in written
    assert yaml.safe_load(written) == yaml.safe_load((TOP / "dagster.yaml").read_text()) | {
        "storage": {"postgres": {"postgres_url": {"env": "DEMO_DAGSTER_URL"}}}
    }


def test_the_settings_are_part_of_the_package() -> None:
    program = (
        "from importlib.resources import files; print((files('ingest_project.demo') / 'demo.yaml').is_file())"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "True"
