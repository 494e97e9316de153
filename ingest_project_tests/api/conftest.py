"""An API on a landing zone in the emulator, with a queue for jobs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest_project_tests import databases
from ingest_project_tests.api.world import ApiWorld


@pytest.fixture
def make_world(aws: str, tmp_path: Path) -> Iterator[Callable[..., ApiWorld]]:
    """Makes a world whose `api` has these settings."""
    made: list[ApiWorld] = []

    def make(**api: Any) -> ApiWorld:
        world = ApiWorld.create(tmp_path, aws, **api)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(request: pytest.FixtureRequest, make_world: Callable[..., ApiWorld]) -> Iterator[ApiWorld]:
    """A world with tokens, and a ledger on SQLite, or on PostgreSQL for tests that ask for it."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield make_world()
        return
    if databases.SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{databases.SERVER_VARIABLE} is not set")
    made = databases.postgres()
    try:
        world = make_world(ledger_url=made.ledger_url)
        yield world
        world.close()
        world.services.ledger.close()
        world.api.deployment.services.ledger.close()
    finally:
        made.close()


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.ingestion.intake.LONG_POLL_SECONDS", 0)
