"""Each import contract of pyproject.toml finds a forbidden import in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ingest_project_tests.patience import PATIENCE_SECONDS

TOP = Path(__file__).parents[1]
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]
OFFENCES = {
    "Rooms are imported one way: from the top of this list to the bottom": (
        "errors.py",
        "ingest_project.services",
    ),
    "Inside reading, imports go one way": (
        "reading/limits.py",
        "ingest_project.reading.portions",
    ),
    "Inside ledger, imports go one way": (
        "ledger/tables.py",
        "ingest_project.ledger.ledger",
    ),
    "Inside ingestion, imports go one way": (
        "ingestion/acknowledge.py",
        "ingest_project.ingestion.process",
    ),
    "Only defs and the composition root import dagster": ("services.py", "dagster"),
    "Commands do not import what is Dagster's": ("cli/answers.py", "ingest_project.defs.jobs"),
    "Only iceberg imports pyiceberg": ("services.py", "pyiceberg"),
    "Only the ledger imports sqlalchemy and alembic": ("services.py", "sqlalchemy"),
}
"""For each contract a file of the package, and what it may not import."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The contracts that are broken where every offence was committed."""
    copy = tmp_path_factory.mktemp("offences")
    shutil.copytree(TOP / "ingest_project", copy / "ingest_project")
    shutil.copy(TOP / "pyproject.toml", copy)
    for file, forbidden in OFFENCES.values():
        with (copy / "ingest_project" / file).open("a") as source:
            source.write(f"\nimport {forbidden}\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    return set(re.findall(r"^(.+) BROKEN", done.stdout, re.MULTILINE))


@pytest.mark.parametrize("contract", CONTRACTS)
def test_contract_is_broken_by_an_import_against_it(contract: str, broken: set[str]) -> None:
    assert contract in broken
