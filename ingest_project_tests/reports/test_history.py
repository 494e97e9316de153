"""The history of object versions in terminals of several widths: a key can be read and copied in each."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from ingest_project.ledger.history import ObjectRecord, RejectedMessage
from ingest_project.ledger.history_details import AttemptRecord, BatchPart, MessageRecord
from ingest_project.ledger.model import (
    ActionState,
    AttemptOutcome,
    BatchKind,
    BatchRole,
    BatchState,
    MessageState,
    ObjectState,
)
from ingest_project.ledger.source_actions import ActionRecord
from ingest_project.reports.history import render_history, render_rejected

WIDTHS = [80, 110, 160]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BAD_KEY = (
    "orders/dt=2026-11-20/hour=13/region=eu-central/"
    "part-00000-3f2c1b7e-5a44-4c0e-9d3c-0f6d1f6f2a11-c000.ndjson.gz"
)
GOOD = ObjectRecord(
    uri="s3://acme-landing/orders/dt=2026-11-20/part-001.ndjson.gz", version="v1", table="sales.orders",
    partition="2026-11-20", queue="landing", state=ObjectState.COMMITTED, size_bytes=12_345, version_id="v1",
    sequencer=None, etag="e1", rows=300, rejected_rows=0, error_class=None, reason=None, failures=0,
    batch_id="b1",
    snapshot_id=4711, put_at=NOW, event_at=NOW, claimed_at=NOW, not_before=NOW,
    committed_at=NOW + timedelta(seconds=5),
    settled_at=NOW, deleted_at=NOW, receive_count=1, messages=(), batches=(),
)  # fmt: skip
BAD = replace(
    GOOD, uri=f"s3://acme-landing/{BAD_KEY}", state=ObjectState.FAILED, rows=None, rejected_rows=None,
    committed_at=None,
    error_class="unreadable",
    reason="the gzip data is cut off after 1,024 bytes; upload the file again under the same key",
)  # fmt: skip
MESSAGE = MessageRecord(
    "landing", "5f8f3d0e-0b0e-4b5a-9a43-5f4d3c2b1a00", MessageState.REJECTED, "a reason", 2, NOW, NOW, None
)
BATCH = BatchPart(
    "01JD3X8E9K2M4N6P8R0T2V4W6Y", BatchKind.INGEST, BatchRole.INGEST, BatchState.COMMITTED, NOW, NOW, 4711,
    None, None,
    "unreadable", "cut off",
    (
        AttemptRecord(1, 1, "c0ffee00-0b0e-4b5a-9a43-5f4d3c2b1a00", NOW, NOW, AttemptOutcome.LOST, None,
            "the run ended without a message"),
        AttemptRecord(2, 2, "c0ffee01-0b0e-4b5a-9a43-5f4d3c2b1a00", NOW, NOW, AttemptOutcome.COMMITTED, None,
            None),
    ),
)  # fmt: skip


def printed(records: list[ObjectRecord], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    render_history(records, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_key_is_folded(width: int) -> None:
    lines = printed([GOOD, BAD], width).splitlines()

    for record in (GOOD, BAD):
        assert sum(record.uri in line for line in lines) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_but_a_key_is_wider_than_the_terminal(width: int) -> None:
    lines = printed([GOOD, BAD], width).splitlines()

    assert [line for line in lines if len(line.rstrip()) > width and not line.startswith("s3://")] == []
    text = " ".join(" ".join(lines).split())
    assert BAD.reason is not None
    assert f"unreadable: {BAD.reason}" in text
    assert "2026-11-20 12:00:05" in text


def test_entries_that_fit_are_a_line_each() -> None:
    lines = printed([GOOD, GOOD], 160).splitlines()

    (first, _) = [line for line in lines if GOOD.uri in line]
    assert first.split() == [
        GOOD.uri, "committed", "sales.orders", "2026-11-20", "300", "2026-11-20", "12:00:00", "2026-11-20",
        "12:00:05",
    ]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
def test_fields_that_are_empty_for_all_are_left_out(width: int) -> None:
    text = printed([GOOD, GOOD], width)

    assert "why" not in text
    assert "committed (UTC)" not in printed([BAD, BAD], width)
    assert "why" in printed([GOOD, BAD], width)


@pytest.mark.parametrize("width", WIDTHS)
def test_names_of_one_objects_messages_batches_and_runs_are_not_folded(width: int) -> None:
    text = printed([replace(BAD, messages=(MESSAGE,), batches=(BATCH,))], width)

    for name in (BAD.uri, MESSAGE.message_id, BATCH.batch_id, *(one.run_id for one in BATCH.attempts)):
        assert sum(name in line for line in text.splitlines()) == 1, text


@pytest.mark.parametrize("width", WIDTHS)
def test_rejected_messages_keep_their_ids_whole(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    reason = (
        "the message is not an S3 event notification: it is not valid JSON at character 17, and it has no "
        "record"
    )

    render_rejected([RejectedMessage("landing", MESSAGE.message_id, reason, 3, NOW, NOW)], console)

    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert MESSAGE.message_id in text
    assert reason in " ".join(text.split())


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (
            ActionRecord("delete", None, ActionState.DUE, 0, None, None),
            "afterwards delete: to be done once its messages are deleted",
        ),
        (
            ActionRecord("move", "s3://archive/a", ActionState.DUE, 2, "S3 refused it", None),
            "s3://archive/a: to be done once its messages are deleted; failed 2 times: S3 refused it",
        ),
        (
            ActionRecord("tag", '{"a": "b"}', ActionState.DONE, 0, None, NOW),
            'afterwards tag {"a": "b"}: done, 2026-11-20 12:00:00',
        ),
        (
            ActionRecord("delete", None, ActionState.SKIPPED, 0, "written again", NOW),
            "afterwards delete: not done, 2026-11-20 12:00:00, written again",
        ),
    ],
    ids=["waits", "fails", "done", "not done"],
)
def test_single_object_tells_what_was_done_to_it_afterwards(after: ActionRecord, told: str) -> None:
    assert told in " ".join(printed([replace(GOOD, after=after)], 250).split())
