"""An API on a landing zone in the emulator, with a queue for jobs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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
def world(make_world: Callable[..., ApiWorld]) -> ApiWorld:
    """A world with tokens."""
    return make_world()


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_project.ingestion.intake.LONG_POLL_SECONDS", 0)
