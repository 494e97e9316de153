"""Checks that Dagster will remember: its runs, its run keys and its sensors' state live in DAGSTER_HOME."""

import os
from collections.abc import Mapping
from pathlib import Path

from ingest_project.check.finding import Finding, ok, problem, warning

CHECK = "dagster_home"
_REMEDY = "set DAGSTER_HOME to the absolute path of a folder that stays, as `make dev` does"


def check_dagster_home(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Whether DAGSTER_HOME names a folder. Dagster wants an absolute path, and makes none by itself."""
    home = environment.get("DAGSTER_HOME")
    if not home:
        said = "not set: Dagster's history, run keys and sensor states are lost when it stops"
        return [warning(CHECK, "DAGSTER_HOME", said, _REMEDY)]
    path = Path(home)
    if not path.is_absolute() or not path.is_dir():
        return [problem(CHECK, "DAGSTER_HOME", f"{home} is no absolute path of a folder", _REMEDY)]
    if not (path / "dagster.yaml").is_file():
        said = f"{home} has no dagster.yaml: Dagster goes by its defaults there"
        return [
            warning(
                CHECK, "DAGSTER_HOME", said, f"link the project's: ln -s {Path.cwd() / 'dagster.yaml'} {home}"
            )
        ]
    return [ok(CHECK, "DAGSTER_HOME", home)]
