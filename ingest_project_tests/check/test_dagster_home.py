"""DAGSTER_HOME as people set it."""

from pathlib import Path

from ingest_project.check.dagster_home import check_dagster_home
from ingest_project.check.finding import Level


def level(environment: dict[str, str]) -> Level:
    (found,) = check_dagster_home(environment)
    return found.level


def test_a_folder_with_dagster_yaml_is_ok(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").touch()

    assert level({"DAGSTER_HOME": str(tmp_path)}) is Level.OK


def test_none_or_one_without_dagster_yaml_is_a_warning(tmp_path: Path) -> None:
    assert level({}) is Level.WARNING
    assert level({"DAGSTER_HOME": ""}) is Level.WARNING
    assert level({"DAGSTER_HOME": str(tmp_path)}) is Level.WARNING


def test_one_that_dagster_refuses_is_a_problem(tmp_path: Path) -> None:
    assert level({"DAGSTER_HOME": ".dagster"}) is Level.PROBLEM
    assert level({"DAGSTER_HOME": str(tmp_path / "absent")}) is Level.PROBLEM
