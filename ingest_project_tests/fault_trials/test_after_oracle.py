"""The judge of what `after` did to objects finds what is tampered with."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest_project_tests.fault_trials.after_oracle import TAGGED, Stored, judge_objects
from ingest_project_tests.fault_trials.workload import Write

WRITE = Write(
    bucket="b", key="t/a.ndjson", number=1, rows=1, size_bytes=9, etag="old", version_id=None,
    sequencer="01", written_at=datetime(2026, 11, 20, tzinfo=UTC),
)  # fmt: skip
NEWER = replace(WRITE, number=2, etag="new", sequencer="02")
BAD = replace(WRITE, bad_lines=frozenset({1}))
HELD = Stored(etag="old", tags={}, tags_of_version=None, copies=(), keeps_version=True)
GONE = replace(HELD, etag=None)
RIGHT: dict[str, Stored] = {
    "tag": replace(HELD, tags=TAGGED), "delete": GONE, "move": replace(GONE, copies=("old",)),
}  # fmt: skip


def faults(kind: str, found: Stored, *, write: Write = WRITE, newer: Write | None = None) -> int:
    overwritten = {} if newer is None else {write.key: newer}
    return len(judge_objects(kind, [write], overwritten, [found]))


@pytest.mark.parametrize("kind", RIGHT)
def test_what_was_done_to_the_write_that_was_read_is_right(kind: str) -> None:
    assert faults(kind, RIGHT[kind]) == 0
    assert faults(kind, replace(HELD, etag="new"), newer=NEWER) == 0
    assert faults(kind, HELD, write=BAD) == 0


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("tag", {"tags": {}}), ("tag", {"tags": {"other": "tag"}}), ("tag", {"etag": None}),
        ("delete", {"etag": "old"}), ("delete", {"copies": ("old",)}), ("delete", {"keeps_version": False}),
        ("move", {"etag": "old"}), ("move", {"copies": ()}), ("move", {"copies": ("old", "old")}),
        ("move", {"copies": ("other",)}),
    ],
)  # fmt: skip
def test_what_was_left_undone_or_done_otherwise_is_a_fault(kind: str, changes: dict[str, Any]) -> None:
    assert faults(kind, replace(RIGHT[kind], **changes)) == 1


@pytest.mark.parametrize("kind", RIGHT)
def test_newer_write_that_is_deleted_tagged_or_moved_is_a_fault(kind: str) -> None:
    untouched = replace(HELD, etag="new")

    for changes in ({"etag": None}, {"tags": TAGGED}, {"copies": ("new",)}):
        assert faults(kind, replace(untouched, **changes), newer=NEWER) == 1


@pytest.mark.parametrize("kind", RIGHT)
def test_object_with_a_bad_row_that_is_touched_is_a_fault(kind: str) -> None:
    assert faults(kind, RIGHT[kind], write=BAD) >= 1
