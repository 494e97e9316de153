"""The table of error classes, the exceptions and the documents say the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_project import errors
from ingest_project.settings.error_classes import ANY, ERROR_CLASSES, ErrorClass

DOCUMENT = Path(__file__).parents[2] / "docs" / "errors.md"
NOT_OF_THE_DATA = {
    "settings", "superseded", "batch_not_found", "ledger_absent", "inventory", "job_refused", "job_api",
    "authorizer",
}  # fmt: skip
"""Errors that end a command or an attempt and leave everything as it was."""


def kinds(base: type[errors.IngestError]) -> Iterator[type[errors.IngestError]]:
    """All errors below this one that have a class of their own; those below them may share it."""
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            if "error_class" in vars(kind):
                yield kind
            yield from kinds(kind)


def scope_of(kind: type[errors.IngestError]) -> str:
    if issubclass(kind, errors.ObjectError):
        return "object"
    return "message" if issubclass(kind, errors.MessageError) else "batch"


def test_every_error_of_the_data_is_in_the_table_and_nothing_else_is() -> None:
    raised = {kind.error_class: kind for kind in kinds(errors.IngestError)}

    assert set(ERROR_CLASSES) == set(raised) - NOT_OF_THE_DATA
    assert len(raised) == len(list(kinds(errors.IngestError)))
    for one in ERROR_CLASSES.values():
        kind = raised[one.name]
        assert (one.scope, one.transient) == (scope_of(kind), kind.transient), one.name


def test_what_may_pass_is_retried_and_what_may_not_is_released() -> None:
    defaults = {one.name: one.action for one in ERROR_CLASSES.values() if one.scope == "object"}

    assert defaults == {
        "missing": "release", "forbidden": "release", "kms": "release", "archived": "release",
        "too_large": "release", "unreadable": "release", "schema": "release", "bad_rows": "release",
        "overwritten": "retry",
        "contradicted": "release", "throttled": "retry", "unavailable": "retry", "resources": "retry",
        "unknown": "release", "wrong_region": "release",
    }  # fmt: skip


@pytest.mark.parametrize("one", ERROR_CLASSES.values(), ids=list(ERROR_CLASSES))
def test_the_default_is_among_what_is_allowed(one: ErrorClass) -> None:
    assert one.action in one.allowed
    assert set(one.allowed) <= set(ANY)


def documented() -> list[list[str]]:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = lines.index("|---|---|---|---|---|---|---|") + 1
    end = next(number for number, line in enumerate(lines[start:], start) if not line)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[start:end]]


def test_the_document_shows_the_table_of_the_code() -> None:
    expected = [
        [
            f"`{one.name}`",
            one.scope,
            one.meaning,
            "transient" if one.transient else "permanent",
            f"`{one.action}`",
            ", ".join(f"`{action}`" for action in one.allowed if action != one.action) or "-",
            one.cleared_by,
        ]
        for one in ERROR_CLASSES.values()
    ]

    assert documented() == expected
