"""Sends messages to a queue: packed, in parallel, and tried again where SQS was at fault.

The order of a message group is kept: an entry is sent only after the one before it in its group has
succeeded, and fails if that one fails for good. So each call has at most one entry of a group.
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ingest_project.sources.sqs.batch_calls import Answer, BatchCalls, Refusal, Rules, Settled, overtaking
from ingest_project.sources.sqs.faults import scrubbed
from ingest_project.sources.sqs.md5 import md5_of_attributes, md5_of_body
from ingest_project.sources.sqs.send_entries import (
    ERROR_KEY,
    MAX_BATCH_BYTES,
    SendEntry,
    SendLimits,
    parse_entries,
    refusal_of,
)
from ingest_project.sources.sqs.send_result import FailedEntry, SendResult, Sent

if TYPE_CHECKING:
    from ingest_project.sources.sqs.queue import Queue

MAX_TRIALS = 3
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 20.0
DEDUPLICATION_KEY = "MessageDeduplicationId"

_Placed = tuple[int, SendEntry]
"""An entry with its position in what the caller gave."""


class Sender:
    """Sends to one queue, in several parts if the entries do not fit into memory at once.

    The order of a group is kept over the parts: after an entry of a group has failed, all later ones fail.
    """

    def __init__(
        self,
        queue: "Queue",
        *,
        max_trials: int = MAX_TRIALS,
        append_error: bool = True,
        pace: Callable[[int], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        limits: SendLimits | None = None,
    ) -> None:
        """`pace` is called before each call with the number of its entries, and may wait.

        `limits` are what an earlier sender has been told of the queue; it is not asked again.
        """
        if max_trials < 1:
            raise ValueError(f"max_trials is {max_trials}; an entry needs at least one trial")
        if limits is not None:
            self.limits = limits
        self._queue = queue
        self._append_error = append_error
        self._pace = pace
        self._failed_groups: dict[str, str] = {}
        self._calls: BatchCalls[_Placed] = BatchCalls(
            self._call,
            Rules(max_trials, pause_seconds, retries_calls=True, max_bytes=MAX_BATCH_BYTES),
            sleep=sleep,
            size_of=lambda placed: placed[1].size_bytes,
            refusal_of=_wrong_checksum,
        )

    @cached_property
    def limits(self) -> SendLimits:
        """What the queue accepts, asked once. Raises QueueUnavailable."""
        return self._queue.send_limits()

    def send(self, entries: Sequence[Mapping[str, Any]]) -> SendResult:
        """Like `send_batch`."""
        return self.send_parsed(parse_entries(entries))

    def send_parsed(self, entries: Sequence[SendEntry]) -> SendResult:
        """Like `send`, for what `parse_entries` has accepted."""
        entries = [self._with_deduplication(one) for one in entries]
        settled: dict[int, Settled[_Placed]] = {}
        lanes = self._lanes(entries, settled)
        for one in self._calls.run(lanes) if lanes else []:
            settled[one.item[0]] = one
        ordered = [settled[position] for position in range(len(entries))]
        self._remember(ordered)
        return SendResult(
            succeeded=tuple(_sent(one.item[1].id, one.answer) for one in ordered if one.answer is not None),
            failed=tuple(self._failed(one, one.refusal) for one in ordered if one.refusal is not None),
        )

    def _with_deduplication(self, entry: SendEntry) -> SendEntry:
        """The entry with a deduplication id if the queue needs one: a retry must not add a message."""
        if (
            not self.limits.is_fifo
            or self.limits.deduplicates_by_content
            or DEDUPLICATION_KEY in entry.request
        ):
            return entry
        made = {DEDUPLICATION_KEY: uuid.uuid4().hex}
        return SendEntry(entry.id, {**entry.given, **made}, {**entry.request, **made}, entry.size_bytes)

    def _lanes(
        self, entries: Sequence[SendEntry], settled: dict[int, Settled[_Placed]]
    ) -> list[list[_Placed]]:
        """What is sent after what. Entries that are not sent at all are put into `settled`."""
        groups: dict[str, list[_Placed]] = {}
        lanes: list[list[_Placed]] = []
        failed = self._failed_groups.copy()
        for position, entry in enumerate(entries):
            placed = (position, entry)
            group = entry.group if self.limits.is_fifo else None
            refusal = refusal_of(entry, self.limits)
            if refusal is None and group in failed:
                refusal = overtaking(failed[group])
            if refusal is not None:
                settled[position] = Settled(placed, 0, refusal=refusal)
                if group is not None:
                    failed.setdefault(group, refusal.code)
            elif group is None:
                lanes.append([placed])
            elif group in groups:
                groups[group].append(placed)
            else:
                groups[group] = [placed]
                lanes.append(groups[group])
        return lanes

    def _remember(self, settled: Sequence[Settled[_Placed]]) -> None:
        for one in settled if settled and self.limits.is_fifo else ():
            group = one.item[1].group
            if one.refusal is not None and group is not None:
                self._failed_groups.setdefault(group, one.refusal.code)

    def _call(self, batch: Sequence[_Placed]) -> Mapping[str, Any]:
        if self._pace is not None:
            self._pace(len(batch))
        # The callers' Ids may be longer than SQS allows, or have other characters.
        return self._queue.send_messages(
            [{"Id": str(number), **entry.request} for number, (_, entry) in enumerate(batch)]
        )

    def _failed(self, one: Settled[_Placed], refusal: Refusal) -> FailedEntry:
        entry = {key: value for key, value in one.item[1].given.items() if key != ERROR_KEY}
        message = scrubbed(refusal.reason)
        if self._append_error:
            entry[ERROR_KEY] = {
                "Code": refusal.code, "Message": message,
                "SenderFault": refusal.sender_fault, "Trials": one.trials,
            }  # fmt: skip
        return FailedEntry(entry, refusal.code, message, refusal.sender_fault, one.trials)


def send_batch(
    queue: "Queue | str",
    entries: Sequence[Mapping[str, Any]],
    *,
    max_trials: int = MAX_TRIALS,
    append_error: bool = True,
) -> SendResult:
    """Sends the entries, and says of each whether SQS took it.

    `queue` is a Queue, a URL, or a name in the settings ($INGEST_CONFIG, else ingest.yaml). An entry is a
    mapping with SQS's keys: `Id` (any string, once), `MessageBody`, and if wanted `DelaySeconds`,
    `MessageAttributes`, `MessageSystemAttributes`, `MessageGroupId`, `MessageDeduplicationId`. There may be
    any number of entries; eight calls of up to ten are under way at once.

    An entry that fails by SQS's own fault is part of up to `max_trials` calls, with backoff and full jitter
    between them; boto3 repeats a call that failed as a whole up to two times itself. What still fails is
    returned with its `Error`, and can be given to this function again. On a standard queue an entry may
    arrive twice if an answer was lost; a FIFO queue drops the second.

    Raises InvalidEntries if an entry has a wrong type, before anything is sent; QueueRefused if the queue
    does not exist or we may not send to it; QueueUnavailable if SQS does not say what the queue accepts.
    """
    from ingest_project.sources.sqs.address import opened_queue

    parsed = parse_entries(entries)
    opened = opened_queue(queue) if isinstance(queue, str) else queue
    return Sender(opened, max_trials=max_trials, append_error=append_error).send_parsed(parsed)


def pause_seconds(trials: int) -> float:
    """The pause after so many trials: exponential, with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (trials - 1))
    return random.uniform(0, longest)  # noqa: S311 - jitter needs no secrecy


def _wrong_checksum(placed: _Placed, answer: Answer) -> Refusal | None:
    """A refusal if SQS received another body, or other attributes, than was sent."""
    entry = placed[1]
    ours = md5_of_body(entry.body)
    theirs = answer.get("MD5OfMessageBody", ours)
    if theirs != ours:
        return Refusal("ChecksumMismatch", f"SQS received a body with MD5 {theirs}, and {ours} was sent")
    of_attributes = md5_of_attributes(entry.attributes)
    theirs = answer.get("MD5OfMessageAttributes", of_attributes)
    if theirs != of_attributes:
        return Refusal(
            "ChecksumMismatch", f"SQS received attributes with MD5 {theirs}, and {of_attributes} was sent"
        )
    return None


def _sent(id_: str, answer: Answer) -> Sent:
    return Sent(id_, answer["MessageId"], answer.get("SequenceNumber"))
