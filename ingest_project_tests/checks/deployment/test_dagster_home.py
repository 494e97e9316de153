"""DAGSTER_HOME as people set it."""

from pathlib import Path

import pytest

from ingest_project.checks.deployment.dagster_home import check_dagster_home
from ingest_project.checks.deployment.finding import Level


def level(environment: dict[str, str]) -> Level:
    (found,) = check_dagster_home(environment)
    return found.level


def test_a_folder_with_dagster_yaml_is_ok(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").touch()

    assert level({"DAGSTER_HOME": str(tmp_path)}) is Level.OK


@pytest.mark.parametrize("environment", [{}, {"DAGSTER_HOME": ""}])
def test_unset_is_right_for_make_dev_and_explained_for_other_ways(environment: dict[str, str]) -> None:
    (found,) = check_dagster_home(environment)

    assert found.level is Level.OK
    assert "`make dev` sets it" in found.message
    assert "export DAGSTER_HOME=$PWD/.dagster" in found.message


def test_one_without_dagster_yaml_is_a_warning(tmp_path: Path) -> None:
    assert level({"DAGSTER_HOME": str(tmp_path)}) is Level.WARNING


def test_one_that_dagster_refuses_is_a_problem(tmp_path: Path) -> None:
    assert level({"DAGSTER_HOME": ".dagster"}) is Level.PROBLEM
    assert level({"DAGSTER_HOME": str(tmp_path / "absent")}) is Level.PROBLEM
