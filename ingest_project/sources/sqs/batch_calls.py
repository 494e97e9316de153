"""Batch calls to SQS: ten entries at a time, in parallel; what SQS failed is tried again.

A batch call succeeds even if SQS refuses some of its entries, so each entry's own answer counts. Entries are
in lanes: an entry is not part of a call before the one ahead of it in its lane has succeeded. Where there is
no order to keep, each entry is a lane of its own.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

from ingest_project.errors import QueueUnavailable

WORKERS = 8
BATCH = 10
"""The most entries that SQS accepts in one call."""
WRONG_REQUEST = frozenset(
    {
        "BatchRequestTooLong", "InvalidAttributeValue", "InvalidMessageContents", "InvalidParameterValue",
        "MissingParameter", "ValidationError", "ValidationException",
    }
)  # fmt: skip
"""Codes of a call that SQS refused as a whole, although only one of its entries, or their sum, is wrong."""

Item = TypeVar("Item")
Answer = Mapping[str, Any]
"""An entry of SQS's answer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why SQS did not do what one entry asks for. `sender_fault`: trying again cannot help."""

    code: str
    reason: str
    sender_fault: bool = False


@dataclass(frozen=True, slots=True)
class Settled(Generic[Item]):
    """What became of one entry: SQS's answer for it, or its refusal, and how many calls it was part of."""

    item: Item
    trials: int
    answer: Answer | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How often, and how. `pause_seconds` is the pause after so many trials.

    `retries_calls`: whether a call that failed as a whole counts as a trial and is made again, and whether
    one that SQS refuses for what is in it is made in parts.
    """

    max_trials: int
    pause_seconds: Callable[[int], float]
    retries_calls: bool
    max_bytes: int = 0


@dataclass(slots=True, eq=False)
class _Lane(Generic[Item]):
    number: int
    items: Sequence[Item]
    at: int = 0
    trials: int = 0

    @property
    def head(self) -> Item:
        return self.items[self.at]


@dataclass(slots=True)
class _Shared(Generic[Item]):
    """What the workers of one run share, under `lock`."""

    waiting: deque[_Lane[Item]]
    lock: Lock = field(default_factory=Lock)
    settled: list[tuple[int, int, Settled[Item]]] = field(default_factory=list)
    outage: QueueUnavailable | None = None
    is_known: bool = False
    """Whether a call was answered, or may have been done without an answer."""
    is_stopped: bool = False


class BatchCalls(Generic[Item]):
    """Makes one kind of call for many entries. Safe to use for several runs, one after another."""

    def __init__(
        self,
        call: Callable[[Sequence[Item]], Mapping[str, Any]],
        rules: Rules,
        *,
        sleep: Callable[[float], None],
        size_of: Callable[[Item], int] = lambda _: 0,
        refusal_of: Callable[[Item, Answer], Refusal | None] = lambda _item, _answer: None,
    ) -> None:
        """`call` sends up to ten items, with their positions as entry ids, and gives SQS's answer.

        `refusal_of` says why an answer that reports success is not a success, if so.
        """
        self._call = call
        self._rules = rules
        self._sleep = sleep
        self._size_of = size_of
        self._refusal_of = refusal_of

    def run(self, lanes: Sequence[Sequence[Item]]) -> list[Settled[Item]]:
        """What became of every entry, in the order of the lanes.

        Entries that fail by SQS's own fault (throttling, 5xx, not mentioned in the answer) are tried again.
        If an entry fails for good, those after it in its lane are not sent. After an outage, which is a call
        that failed as a whole for good, no more calls are made, and the remaining entries fail. Raises
        QueueUnavailable if there was an outage and certainly nothing was done.
        """
        filled = [_Lane(number, lane) for number, lane in enumerate(lanes) if lane]
        shared = _Shared(deque(filled))
        workers = min(WORKERS, len(filled)) or 1
        with ThreadPoolExecutor(workers, thread_name_prefix="sqs-batch") as pool:
            done = [pool.submit(self._work, shared) for _ in range(workers)]
            try:
                for one in done:
                    one.result()
            except BaseException:
                shared.is_stopped = True  # Ctrl-C, or a fault of ours: end after the calls under way
                raise
        if shared.outage is not None and not shared.is_known:
            raise shared.outage
        return [one for _, _, one in sorted(shared.settled, key=lambda each: each[:2])]

    def _work(self, shared: _Shared[Item]) -> None:
        held: list[_Lane[Item]] = []
        try:
            while not shared.is_stopped and (batch := self._take(shared, held)):
                pause = self._send(shared, batch)
                rest = [lane for lane in held if lane not in batch]
                held = rest + [lane for lane in batch if lane.at < len(lane.items)]
                if pause > 0:
                    self._sleep(pause)
        except BaseException:
            shared.is_stopped = True
            raise

    def _take(self, shared: _Shared[Item], held: list[_Lane[Item]]) -> list[_Lane[Item]]:
        """The lanes whose first entries make the next call; new ones are added to `held`."""
        batch: list[_Lane[Item]] = []
        room = self._rules.max_bytes or math.inf
        for lane in held:
            size = self._size_of(lane.head)
            if batch and size > room:
                return batch
            batch.append(lane)
            room -= size
        with shared.lock:
            while len(held) < BATCH and shared.waiting:
                size = self._size_of(shared.waiting[0].head)
                if batch and size > room:
                    break
                lane = shared.waiting.popleft()
                held.append(lane)
                batch.append(lane)
                room -= size
        return batch

    def _send(self, shared: _Shared[Item], batch: list[_Lane[Item]]) -> float:
        """One call; gives the seconds to pause before the next, if any of its entries is tried again."""
        if shared.outage is not None:
            for lane in batch:
                self._give_up(shared, lane, _outage(shared.outage))
            return 0
        for lane in batch:
            lane.trials += 1
        tried_again = 0
        for lane, answer in zip(batch, self._answers(shared, batch), strict=True):
            if not isinstance(answer, Refusal):
                self._settle(shared, lane, Settled(lane.head, lane.trials, answer=answer))
            elif answer.sender_fault or lane.trials >= self._rules.max_trials or shared.outage is not None:
                self._give_up(shared, lane, answer)
            else:
                tried_again = max(tried_again, lane.trials)
        return self._rules.pause_seconds(tried_again) if tried_again else 0

    def _answers(self, shared: _Shared[Item], batch: Sequence[_Lane[Item]]) -> list[Answer | Refusal]:
        """The answer for each entry of one call, or of several, if SQS refuses them only together."""
        items = [lane.head for lane in batch]
        try:
            result = self._call(items)
        except QueueUnavailable as error:
            if self._rules.retries_calls and error.code in WRONG_REQUEST:
                if len(batch) == 1:
                    shared.is_known = True
                    return [Refusal(error.code, error.reason, sender_fault=True)]
                middle = len(batch) // 2
                return self._answers(shared, batch[:middle]) + self._answers(shared, batch[middle:])
            return self._failed(shared, batch, error)
        shared.is_known = True
        return list(self._each_answer(items, result))

    def _failed(
        self, shared: _Shared[Item], batch: Sequence[_Lane[Item]], error: QueueUnavailable
    ) -> list[Answer | Refusal]:
        may_go_on = self._rules.retries_calls and error.transient
        shared.is_known = shared.is_known or may_go_on
        if not may_go_on or any(lane.trials >= self._rules.max_trials for lane in batch):
            shared.outage = error
        return [_outage(error)] * len(batch)

    def _each_answer(self, items: Sequence[Item], result: Mapping[str, Any]) -> Iterator[Answer | Refusal]:
        succeeded = {entry["Id"]: entry for entry in result.get("Successful", [])}
        failed = {entry["Id"]: entry for entry in result.get("Failed", [])}
        for position, item in enumerate(items):
            answer, fault = succeeded.get(str(position)), failed.get(str(position))
            if answer is not None:
                yield self._refusal_of(item, answer) or answer
            elif fault is not None:
                yield Refusal(fault["Code"], fault.get("Message", ""), fault["SenderFault"])
            else:
                yield Refusal("NoAnswer", "SQS did not mention it")

    def _settle(self, shared: _Shared[Item], lane: _Lane[Item], settled: Settled[Item]) -> None:
        with shared.lock:
            shared.settled.append((lane.number, lane.at, settled))
        lane.at, lane.trials = lane.at + 1, 0

    def _give_up(self, shared: _Shared[Item], lane: _Lane[Item], refusal: Refusal) -> None:
        """Settle the lane: its first entry as refused, those behind it as not sent."""
        self._settle(shared, lane, Settled(lane.head, lane.trials, refusal=refusal))
        while lane.at < len(lane.items):
            self._settle(shared, lane, Settled(lane.head, 0, refusal=overtaking(refusal.code)))


def overtaking(code: str) -> Refusal:
    """The refusal of an entry that would overtake one that failed for good with this code."""
    return Refusal(
        "EarlierEntryFailed", f"not sent, because an earlier entry of its message group failed: {code}"
    )


def _outage(error: QueueUnavailable) -> Refusal:
    return Refusal(type(error).__name__, error.reason)
