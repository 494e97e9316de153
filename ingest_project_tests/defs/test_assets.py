"""What the assets say of themselves, and a rebuild of what it leaves in Dagster."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.utils import TMP_DAGSTER_HOME_PREFIX, get_possibly_temporary_instance_for_cli

from ingest_project.defs.assets import NOT_RECORDED, TEMPORARY_HOME, queue_assets, table_assets
from ingest_project.settings.model import CatalogSettings, QueueSettings, Settings
from ingest_project_tests.factories import DAY, Zone


def test_a_queue_shows_its_url_without_the_password() -> None:
    queue = QueueSettings(name="landing", url="https://ingest:hunter2@q.example/1/landing")
    settings = Settings.model_construct(catalog=CatalogSettings(), queues=[queue], tables=[])

    (spec,) = queue_assets(settings)

    assert spec.metadata["url"] == "https://ingest:***@q.example/1/landing"


def test_a_rebuild_that_dagster_will_forget_says_so(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    zone = Zone.create(tmp_path, aws)

    with get_possibly_temporary_instance_for_cli() as instance:
        rebuild(zone, instance)

    assert NOT_RECORDED in capfd.readouterr().err


def test_a_rebuild_that_dagster_records_does_not(
    aws: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    zone = Zone.create(tmp_path, aws)
    (tmp_path / "home").mkdir()

    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        rebuild(zone, instance)

    assert NOT_RECORDED not in capfd.readouterr().err


def test_the_name_of_temporary_homes_is_dagsters() -> None:
    assert TEMPORARY_HOME == TMP_DAGSTER_HOME_PREFIX


def rebuild(zone: Zone, instance: dg.DagsterInstance) -> None:
    zone.put_orders("a", 1)
    (asset, *_) = table_assets(zone.services.settings)
    done = dg.materialize(
        [asset], instance=instance, partition_key=DAY, resources={"services": zone.services}
    )
    assert done.success
