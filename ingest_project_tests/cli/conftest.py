"""A landing zone whose ledger nobody has made yet."""

from pathlib import Path

import pytest

from ingest_project_tests.factories import Zone


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    zone = Zone.create(tmp_path, aws)
    zone.services.ledger.close()  # the first tick of a sensor makes the ledger
    return zone
