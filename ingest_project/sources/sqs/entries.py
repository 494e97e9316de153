"""Batch calls to SQS: ten entries at a time, in parallel; refused entries are tried again.

A batch call succeeds even if SQS refuses some of its entries, so each entry's own answer counts.
"""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs.faults import scrubbed
from ingest_project.sources.sqs.message import EntryResults, FailedEntry, Receipt

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        ChangeMessageVisibilityBatchResultTypeDef,
        DeleteMessageBatchResultTypeDef,
    )

    BatchResult = DeleteMessageBatchResultTypeDef | ChangeMessageVisibilityBatchResultTypeDef

WORKERS = 8
BATCH = 10
"""The most entries that SQS accepts in one call."""
PAUSES_SECONDS = (0.1, 0.3, 0.9)
"""Pauses before the second, third and fourth attempt, with jitter, so that parallel batches differ."""

SendBatch = Callable[[Sequence[Receipt]], "BatchResult"]
"""One batch call for up to ten receipts, whose entry ids are the receipts' positions."""


@dataclass(frozen=True, slots=True)
class _Refused:
    receipt: Receipt
    entry: FailedEntry
    again: bool


class EntryCalls:
    """Sends one kind of call for many receipts. Use it for one `run` only."""

    def __init__(self, send: SendBatch, sleep: Callable[[float], None]) -> None:
        self._send = send
        self._sleep = sleep
        self._answered = False
        self._outage: QueueUnavailable | None = None

    def run(self, receipts: Sequence[Receipt]) -> EntryResults:
        """The outcome of every entry.

        Entries that SQS refuses by its own fault (throttling, 5xx) are tried again, up to four attempts in
        all. After a call has failed as a whole, no more calls are sent, and the remaining entries fail with
        the code `QueueUnavailable`. Raises QueueUnavailable if no call was answered.
        """
        batches = [receipts[start : start + BATCH] for start in range(0, len(receipts), BATCH)]
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="sqs-batch") as pool:
            refused = [one for some in pool.map(self._send_until_settled, batches) for one in some]
        if self._outage is not None and not self._answered:
            raise self._outage
        refused_receipts = {one.receipt for one in refused}
        return EntryResults(
            succeeded=tuple(one.message_id for one in receipts if one not in refused_receipts),
            failed=tuple(one.entry for one in refused),
        )

    def _send_until_settled(self, batch: Sequence[Receipt]) -> list[_Refused]:
        refused = self._send_once(batch)
        for pause in PAUSES_SECONDS:
            again = [one.receipt for one in refused if one.again]
            if not again:
                break
            self._sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter needs no secrecy
            refused = [one for one in refused if not one.again] + self._send_once(again)
        return refused

    def _send_once(self, batch: Sequence[Receipt]) -> list[_Refused]:
        if self._outage is not None:
            return _all_refused(batch, self._outage)
        try:
            result = self._send(batch)
        except QueueUnavailable as error:
            self._outage = error
            return _all_refused(batch, error)
        self._answered = True
        return _refused(batch, result)


def _all_refused(batch: Sequence[Receipt], error: QueueUnavailable) -> list[_Refused]:
    return [
        _Refused(receipt, FailedEntry(receipt.message_id, "QueueUnavailable", error.reason), again=False)
        for receipt in batch
    ]


def _refused(batch: Sequence[Receipt], result: "BatchResult") -> list[_Refused]:
    succeeded = {entry["Id"] for entry in result.get("Successful", [])}
    failed = {entry["Id"]: entry for entry in result.get("Failed", [])}
    return [
        _refusal(receipt, failed.get(str(position)))
        for position, receipt in enumerate(batch)
        if str(position) not in succeeded
    ]


def _refusal(receipt: Receipt, fault: "BatchResultErrorEntryTypeDef | None") -> _Refused:
    if fault is None:
        return _Refused(
            receipt, FailedEntry(receipt.message_id, "NoAnswer", "SQS did not mention it"), again=True
        )
    reason = scrubbed(fault.get("Message", ""), receipt.receipt_handle)
    return _Refused(
        receipt, FailedEntry(receipt.message_id, fault["Code"], reason), again=not fault["SenderFault"]
    )
