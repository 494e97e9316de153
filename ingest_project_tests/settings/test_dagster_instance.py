"""dagster.yaml at the top, as Dagster itself reads it."""

from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.run_coordinator import QueuedRunCoordinator

ROOT = Path(__file__).parents[2]


def test_dagster_accepts_the_instance_and_keeps_all_state_in_its_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").symlink_to(ROOT / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    with DagsterInstance.get() as instance:
        coordinator = instance.run_coordinator
        queue = instance.get_concurrency_config().run_queue_config

        assert isinstance(coordinator, QueuedRunCoordinator)
        assert coordinator.dequeue_interval_seconds == 1
        assert queue is not None
        assert queue.max_concurrent_runs == 8
        assert instance.telemetry_enabled is False
        assert instance.root_directory == str(tmp_path)
