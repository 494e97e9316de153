from pathlib import Path

import pytest

from ingest_project.settings.load import load_settings
from ingest_project.settings.locations import database_url, warehouse_url
from ingest_project_tests.settings.factories import MINIMAL, write

BASE = Path("/etc/ingest")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///.dagster/ledger.db", "sqlite:////etc/ingest/.dagster/ledger.db"),
        ("sqlite+pysqlite:///ledger.db?timeout=5", "sqlite+pysqlite:////etc/ingest/ledger.db?timeout=5"),
        ("sqlite:////var/lib/ledger.db", "sqlite:////var/lib/ledger.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("postgres://u:p@h/db", "postgresql+psycopg://u:p@h/db"),
        ("postgresql+psycopg2://h/db", "postgresql+psycopg2://h/db"),
    ],
)
def test_a_database_url_becomes_absolute_and_names_its_driver(url: str, expected: str) -> None:
    assert database_url(url, BASE) == expected


@pytest.mark.parametrize(
    ("warehouse", "expected"),
    [
        (".dagster/warehouse", "file:///etc/ingest/.dagster/warehouse"),
        ("/data/warehouse", "file:///data/warehouse"),
        ("file://warehouse", "file:///etc/ingest/warehouse"),
        ("file:///data/warehouse", "file:///data/warehouse"),
        ("s3://lake/warehouse", "s3://lake/warehouse"),
    ],
)
def test_a_warehouse_becomes_an_absolute_url(warehouse: str, expected: str) -> None:
    assert warehouse_url(warehouse, BASE) == expected


def test_locations_start_at_the_folder_of_the_file_whatever_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = "{uri: sqlite:///catalog.db, warehouse: lake}"
    write(tmp_path, f"{MINIMAL}catalog: {catalog}\nmetadata_catalog: {catalog}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    settings = load_settings(Path("../ingest.yaml"))

    assert settings.base_dir.resolve() == tmp_path.resolve()
    assert settings.ledger.url == f"sqlite:///{settings.base_dir}/.dagster/ledger.db"
    assert settings.catalog.properties == {
        "type": "sql",
        "uri": f"sqlite:///{settings.base_dir}/catalog.db",
        "warehouse": f"file://{settings.base_dir}/lake",
    }
    assert settings.metadata_catalog == settings.catalog


def test_the_names_of_a_rest_catalog_are_left_alone(tmp_path: Path) -> None:
    text = MINIMAL + "catalog: {type: rest, uri: 'https://catalog.example', warehouse: production}\n"

    properties = load_settings(write(tmp_path, text)).catalog.properties

    assert properties == {"type": "rest", "uri": "https://catalog.example", "warehouse": "production"}


def test_a_linked_file_is_based_where_the_link_lies(tmp_path: Path) -> None:
    (tmp_path / "..2026_11_20").mkdir()
    target = write(tmp_path / "..2026_11_20", MINIMAL)
    link = tmp_path / "ingest.yaml"
    link.symlink_to(target)

    assert load_settings(link).base_dir == tmp_path
