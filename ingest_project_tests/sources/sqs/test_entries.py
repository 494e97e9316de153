"""Batch calls with answers that an emulator cannot give: throttled entries, silence, an outage midway."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs.entries import EntryCalls
from ingest_project.sources.sqs.message import EntryResults, Receipt

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import DeleteMessageBatchResultTypeDef

RECEIPTS = [Receipt(f"message-{number}", f"handle-{number}") for number in range(35)]


def answer(batch: Sequence[Receipt], refused: dict[str, dict[str, Any]]) -> "DeleteMessageBatchResultTypeDef":
    succeeded = [{"Id": str(n)} for n, receipt in enumerate(batch) if receipt.message_id not in refused]
    failed = [
        {"Id": str(n), **refused[receipt.message_id]}
        for n, receipt in enumerate(batch)
        if receipt.message_id in refused
    ]
    return cast("DeleteMessageBatchResultTypeDef", {"Successful": succeeded, "Failed": failed})


def run(
    send: Callable[[Sequence[Receipt]], "DeleteMessageBatchResultTypeDef"],
    receipts: Sequence[Receipt] = RECEIPTS,
) -> tuple[EntryResults, list[float]]:
    pauses: list[float] = []
    return EntryCalls(send, pauses.append).run(receipts), pauses


THROTTLED = {"SenderFault": False, "Code": "RequestThrottled", "Message": "slow down"}


def test_entries_go_in_batches_of_ten() -> None:
    sizes: list[int] = []

    def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
        sizes.append(len(batch))
        return answer(batch, {})

    results, _ = run(send)

    assert sorted(sizes) == [5, 10, 10, 10]
    assert results.succeeded == tuple(receipt.message_id for receipt in RECEIPTS)


def test_a_throttled_entry_is_tried_again_alone() -> None:
    sent: list[list[str]] = []

    def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
        sent.append([receipt.message_id for receipt in batch])
        return answer(batch, {"message-3": THROTTLED} if len(sent) < 3 else {})

    results, pauses = run(send, RECEIPTS[:10])

    assert results.failed == ()
    assert sent[1:] == [["message-3"], ["message-3"]]
    assert len(pauses) == 2
    assert pauses[0] < pauses[1]


def test_an_entry_that_stays_throttled_fails_after_four_attempts() -> None:
    attempts: list[int] = []

    def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
        attempts.append(len(batch))
        return answer(batch, {"message-3": THROTTLED})

    results, _ = run(send, RECEIPTS[:10])

    assert attempts == [10, 1, 1, 1]
    assert [(entry.message_id, entry.code) for entry in results.failed] == [("message-3", "RequestThrottled")]
    assert len(results.succeeded) == 9


def test_an_entry_that_is_our_fault_is_not_tried_again() -> None:
    fault = {
        "SenderFault": True,
        "Code": "ReceiptHandleIsInvalid",
        "Message": 'handle "handle-3" is not valid',
    }

    results, pauses = run(lambda batch: answer(batch, {"message-3": fault}), RECEIPTS[:10])

    assert pauses == []
    assert [entry.reason for entry in results.failed] == ['handle "..." is not valid']


def test_an_entry_that_sqs_does_not_mention_is_no_success() -> None:
    def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
        return answer([receipt for receipt in batch if receipt.message_id != "message-9"], {})

    results, _ = run(send, RECEIPTS[:10])

    assert [(entry.message_id, entry.code) for entry in results.failed] == [("message-9", "NoAnswer")]


def test_an_outage_midway_fails_the_entries_that_were_left() -> None:
    def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
        if batch[0].message_id != "message-0":
            raise QueueUnavailable("landing", "connection lost")
        return answer(batch, {})

    results, _ = run(send)

    assert results.succeeded == tuple(receipt.message_id for receipt in RECEIPTS[:10])
    assert {entry.code for entry in results.failed} == {"QueueUnavailable"}
    assert len(results.failed) == 25


def test_an_outage_from_the_start_is_raised_and_stops_the_calls() -> None:
    calls: list[int] = []

    def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
        calls.append(len(batch))
        raise QueueUnavailable("landing", "connection refused")

    with pytest.raises(QueueUnavailable):
        run(send, RECEIPTS * 30)

    assert len(calls) <= 8
