from pathlib import Path

from ingest_project.api.openapi import document_text

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_that_of_the_api() -> None:
    assert COMMITTED.read_text() == document_text(), "run `make openapi`"
