"""A lake on each catalog that we promise: SQLite always, PostgreSQL where the environment names a server."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_project.iceberg.catalog import Lake
from ingest_project.settings.model import CatalogSettings
from ingest_project_tests.iceberg.factories import catalog_settings, open_lake


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> CatalogSettings:
    """The settings of an empty catalog."""
    if request.param == "sqlite":
        return catalog_settings(tmp_path)
    uri = os.environ.get("INGEST_TEST_POSTGRES_URL")
    if uri is None:
        pytest.skip("INGEST_TEST_POSTGRES_URL is not set")
    # The catalog's name is part of all its keys in the database, so one of its own is a catalog of its own.
    return catalog_settings(tmp_path, uri=uri, name=f"lake_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def lake(settings: CatalogSettings) -> Iterator[Lake]:
    """An empty lake; what it holds in a shared database is removed afterwards."""
    with open_lake(settings) as opened:
        yield opened
        catalog = opened._catalog()
        for (namespace,) in [names for names in catalog.list_namespaces() if len(names) == 1]:
            for identifier in catalog.list_tables(namespace):
                catalog.drop_table(identifier)
            catalog.drop_namespace(namespace)


@pytest.fixture
def sqlite_lake(tmp_path: Path) -> Iterator[Lake]:
    """An empty lake on SQLite, for what does not depend on the catalog."""
    with open_lake(catalog_settings(tmp_path)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _polars_plans_with_pyiceberg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polars 2 warns if its own planner is not installed; it reads the files by itself nevertheless."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
