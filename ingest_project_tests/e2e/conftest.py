"""A fresh deployment for each test."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from ingest_project.demo.embedded_aws import embedded_aws
from ingest_project_tests import databases
from ingest_project_tests.databases import Databases
from ingest_project_tests.e2e.world import World

MADE: dict[str, Callable[[Path], Databases]] = {
    "sqlite": databases.sqlite,
    "postgres": lambda _: databases.postgres(),
    "one-postgres": lambda _: databases.one_postgres(),
}


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An empty AWS account and an empty folder; the test writes the settings and starts the daemon.

    Its databases are SQLite files, or, for tests with `on_both_databases` or `on_each_layout`, those and new
    ones on PostgreSQL.
    """
    kind = getattr(request, "param", "sqlite")
    if kind != "sqlite" and databases.SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{databases.SERVER_VARIABLE} is not set")
    made = MADE[kind](tmp_path)
    with embedded_aws() as endpoint:  # on a new port: what outlives an earlier test does not find it
        requests.post(f"{endpoint}/moto-api/reset", timeout=60).raise_for_status()
        deployment = World(tmp_path, endpoint, made)
        try:
            yield deployment
        finally:
            deployment.close()
