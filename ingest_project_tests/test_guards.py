"""`make guards` can only tell what it takes out while it finds it; that it does is cheap to know."""

from pathlib import Path

import pytest

from ingest_project_tests.guard import Guard
from ingest_project_tests.guards import GUARDS, IDS, without

TOP = Path(__file__).parents[1]


@pytest.mark.parametrize("guard", GUARDS, ids=IDS)
def test_guard_stands_where_make_guards_looks_for_it(guard: Guard) -> None:
    source = (TOP / "ingest_project" / guard.file).read_text()

    assert without(guard, TOP) != source


@pytest.mark.parametrize("guard", GUARDS, ids=IDS)
def test_test_that_watches_a_guard_exists(guard: Guard) -> None:
    file, _, name = guard.test.partition("::")

    assert f"def {name}" in (TOP / "ingest_project_tests" / file).read_text()
