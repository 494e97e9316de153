"""Batch calls for receipts, which delete messages or change their visibility.

The order does not matter, and after an outage the next tick repeats them, so a call that failed as a whole is
not repeated here: boto3 has tried it three times.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ingest_project.sources.sqs.batch_calls import BatchCalls, Rules, Settled
from ingest_project.sources.sqs.faults import scrubbed
from ingest_project.sources.sqs.message import EntryResults, Receipt, RefusedReceipt

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchResultTypeDef,
        DeleteMessageBatchResultTypeDef,
    )

    BatchResult = DeleteMessageBatchResultTypeDef | ChangeMessageVisibilityBatchResultTypeDef

PAUSES_SECONDS = (0.1, 0.3, 0.9)
"""Pauses before the second, third and fourth attempt, with jitter, so that parallel batches differ."""

CallForReceipts = Callable[[Sequence[Receipt]], "BatchResult"]
"""One batch call for up to ten receipts, whose entry ids are the receipts' positions."""


class EntryCalls:
    """Makes one kind of call for many receipts."""

    def __init__(self, call: CallForReceipts, sleep: Callable[[float], None]) -> None:
        rules = Rules(len(PAUSES_SECONDS) + 1, _pause_seconds, retries_calls=False)

        def answer(receipts: Sequence[Receipt]) -> Mapping[str, object]:
            return {**call(receipts)}

        self._calls: BatchCalls[Receipt] = BatchCalls(answer, rules, sleep=sleep)

    def run(self, receipts: Sequence[Receipt]) -> EntryResults:
        """The outcome of every entry.

        Entries that SQS refuses by its own fault (throttling, 5xx) are tried again, up to four attempts in
        all. After a call has failed as a whole, no more calls are sent, and the remaining entries fail with
        the code `QueueUnavailable`. Raises QueueUnavailable if no call was answered.
        """
        settled = self._calls.run([[receipt] for receipt in receipts])
        return EntryResults(
            succeeded=tuple(one.item.message_id for one in settled if one.refusal is None),
            failed=tuple(refused for one in settled if (refused := _refused(one)) is not None),
        )


def _pause_seconds(trials: int) -> float:
    return PAUSES_SECONDS[trials - 1] * random.uniform(0.5, 1)  # noqa: S311 - jitter needs no secrecy


def _refused(one: Settled[Receipt]) -> RefusedReceipt | None:
    if one.refusal is None:
        return None
    reason = scrubbed(one.refusal.reason, one.item.receipt_handle)
    return RefusedReceipt(one.item.message_id, one.refusal.code, reason)
