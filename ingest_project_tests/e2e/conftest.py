"""A fresh deployment for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_project_tests.e2e.world import World, emulated_aws


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty AWS account and an empty folder; the test writes the settings and starts the daemon."""
    with emulated_aws(tmp_path) as endpoint:
        deployment = World(tmp_path, endpoint)
        try:
            yield deployment
        finally:
            deployment.close()
