"""A landing zone with which nothing is wrong; each test breaks one thing."""

from pathlib import Path

import pytest

from ingest_project_tests.landing import Landing


@pytest.fixture
def landing(aws: str, tmp_path: Path) -> Landing:
    zone = Landing(tmp_path, aws)
    zone.create()
    return zone
