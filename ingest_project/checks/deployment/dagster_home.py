"""Checks that Dagster keeps its state: runs, run keys and sensor states are stored in DAGSTER_HOME."""

import os
from collections.abc import Mapping
from pathlib import Path

from ingest_project.checks.deployment.finding import Finding, ok, problem, warning

CHECK = "dagster_home"
_REMEDY = "set DAGSTER_HOME to the absolute path of a folder that stays: export DAGSTER_HOME=$PWD/.dagster"
_NOT_SET = (
    "not set in this shell. `make dev` sets it; before you start Dagster in another way, "
    "export DAGSTER_HOME=$PWD/.dagster, or it loses its runs, run keys and sensor states when it stops"
)


def check_dagster_home(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Whether DAGSTER_HOME names a folder.

    Dagster requires an absolute path, and does not create the folder.
    """
    home = environment.get("DAGSTER_HOME")
    if not home:
        return [ok(CHECK, "DAGSTER_HOME", _NOT_SET)]
    path = Path(home)
    if not path.is_absolute() or not path.is_dir():
        return [problem(CHECK, "DAGSTER_HOME", f"{home} is not the absolute path of a folder", _REMEDY)]
    if not (path / "dagster.yaml").is_file():
        said = f"{home} has no dagster.yaml: Dagster uses its defaults"
        return [
            warning(
                CHECK, "DAGSTER_HOME", said, f"link the project's: ln -s {Path.cwd() / 'dagster.yaml'} {home}"
            )
        ]
    return [ok(CHECK, "DAGSTER_HOME", home)]
