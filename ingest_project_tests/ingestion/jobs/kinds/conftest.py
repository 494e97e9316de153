"""A world of jobs for each test."""

from pathlib import Path

import pytest

from ingest_project_tests.ingestion.jobs.kinds.worlds import JobZone


@pytest.fixture
def world(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobZone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return JobZone.create(tmp_path, aws)
