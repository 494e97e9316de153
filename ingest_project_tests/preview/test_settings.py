"""A preview may come before there is any table, or any settings at all."""

from pathlib import Path

import pytest

from ingest_project.errors import SettingsError
from ingest_project.preview.settings import preview_settings

QUEUES = "queues:\n  - {name: landing, url: 'https://sqs.eu-central-1.amazonaws.com/1/landing'}\n"


@pytest.mark.parametrize("tables", ["tables: []\n", "tables:\n", ""])
def test_settings_without_tables_are_enough(tmp_path: Path, tables: str) -> None:
    path = tmp_path / "ingest.yaml"
    path.write_text(f"aws: {{region: eu-central-1}}\n{QUEUES}{tables}")

    settings = preview_settings(path)

    assert settings.tables == []
    assert settings.aws.region == "eu-central-1"
    assert settings.queue("landing").name == "landing"
    assert settings.base_dir == tmp_path


def test_other_faults_of_settings_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "ingest.yaml"
    path.write_text(f"aws: {{regoin: eu-central-1}}\n{QUEUES}tables: []\n")

    with pytest.raises(SettingsError, match="regoin"):
        preview_settings(path)


def test_no_settings_are_enough_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INGEST_CONFIG", raising=False)

    assert preview_settings(None).tables == []
    with pytest.raises(SettingsError, match="cannot be read"):
        preview_settings(tmp_path / "other.yaml")
