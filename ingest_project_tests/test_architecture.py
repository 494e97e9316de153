"""ARCHITECTURE.md names every room and every folder in one, and no file or folder that does not exist."""

import re
from pathlib import Path

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "ingest_project"
PAGE = (TOP / "ARCHITECTURE.md").read_text()
NAMED = set(re.findall(r"(?<![\w/.])(?:\w+/)*\w+(?:/|\.py)(?![\w/])", PAGE))
"""Everything on the page that looks like a folder, `reading/values/`, or a module, `ledger/settle.py`."""


def test_each_room_and_each_folder_in_one_is_named() -> None:
    folders = {f"{one.parent.relative_to(PACKAGE)}/" for one in PACKAGE.rglob("__init__.py")}
    modules = {one.name for one in PACKAGE.glob("*.py")}

    expected = (folders - {"./", "ledger/migrations/versions/"}) | (modules - {"__init__.py"})

    assert expected - NAMED == set()


def test_what_is_named_exists() -> None:
    missing = {one for one in NAMED if not (PACKAGE / one).exists() and not (TOP / one).exists()}

    assert missing == set()
