"""Whoever opens the lake gets the allocator that suits its writers, unless a person chose one."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from ingest_project.iceberg.arrow_memory import CHOSEN
from ingest_project_tests.iceberg.factories import catalog_settings, open_lake


@pytest.fixture(autouse=True)
def _another_pool() -> Iterator[None]:
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.mimalloc_memory_pool())
    yield
    pa.set_memory_pool(before)


def test_arrow_allocates_with_the_c_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOSEN, raising=False)
    open_lake(catalog_settings(tmp_path))
    assert pa.default_memory_pool().backend_name == "system"


def test_the_choice_of_a_person_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOSEN, "mimalloc")
    open_lake(catalog_settings(tmp_path))
    assert pa.default_memory_pool().backend_name == "mimalloc"
