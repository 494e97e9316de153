"""Answers to a send that an emulator cannot give: silence about an Id, a wrong checksum, refused calls."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from ingest_project.errors import QueueRefused, QueueUnavailable
from ingest_project.sources.sqs.queue import Queue
from ingest_project.sources.sqs.send import LONGEST_PAUSE_SECONDS, Sender, pause_seconds
from ingest_project.sources.sqs.send_entries import SendLimits

Request = Sequence[Mapping[str, Any]]
THROTTLED = {"SenderFault": False, "Code": "RequestThrottled", "Message": "slow down"}


class ScriptedQueue:
    """A queue whose answers the test writes; `calls` has the bodies of each call."""

    def __init__(self, answer: Callable[[Request], dict[str, Any]], limits: SendLimits) -> None:
        self._answer = answer
        self._limits = limits
        self.calls: list[list[str]] = []
        self.lock = threading.Lock()

    def send_limits(self) -> SendLimits:
        return self._limits

    def send_messages(self, entries: Request) -> dict[str, Any]:
        with self.lock:
            self.calls.append([one["MessageBody"] for one in entries])
        return self._answer(entries)


def scripted(
    answer: Callable[[Request], dict[str, Any]], limits: SendLimits | None = None, **options: Any
) -> tuple[ScriptedQueue, Sender, list[float]]:
    pauses: list[float] = []
    queue = ScriptedQueue(answer, limits or SendLimits())
    return queue, Sender(cast("Queue", queue), sleep=pauses.append, **options), pauses


def success(one: Mapping[str, Any]) -> dict[str, str]:
    digest = hashlib.md5(one["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return {"Id": one["Id"], "MessageId": f"m-{one['MessageBody']}", "MD5OfMessageBody": digest}


def all_succeed(request: Request) -> dict[str, Any]:
    return {"Successful": [success(one) for one in request]}


def entries(count: int, size: int = 0) -> list[dict[str, str]]:
    return [{"Id": f"id-{n}", "MessageBody": f"{n}".ljust(size, "x")} for n in range(count)]


def test_entries_go_in_calls_of_ten() -> None:
    queue, sender, _ = scripted(all_succeed)

    result = sender.send(entries(35))

    assert sorted(map(len, queue.calls)) == [5, 10, 10, 10]
    assert [one.message_id for one in result.succeeded] == [f"m-{n}" for n in range(35)]


def test_bytes_of_a_call_include_the_attributes() -> None:
    queue, sender, _ = scripted(all_succeed)
    kind = {"k" * 10: {"DataType": "String", "StringValue": "v" * 100_000}}
    given = [{**one, "MessageAttributes": kind} for one in entries(8, size=163_000)]

    sender.send(given)

    assert sorted(map(len, queue.calls)) == [2, 3, 3]  # four have 1,052,064 bytes; the bodies alone fit


def test_calls_are_parallel_and_bounded() -> None:
    under_way, most = 0, 0
    lock = threading.Lock()

    def answer(request: Request) -> dict[str, Any]:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.02)
        with lock:
            under_way -= 1
        return all_succeed(request)

    _, sender, _ = scripted(answer)

    sender.send(entries(500))

    assert most == 8


def test_id_that_the_answer_does_not_mention_is_tried_again_and_fails() -> None:
    def answer(request: Request) -> dict[str, Any]:
        return {"Successful": [success(one) for one in request if one["MessageBody"] != "3"], "Failed": []}

    queue, sender, pauses = scripted(answer)

    result = sender.send(entries(10))

    assert [(one.id, one.code, one.sender_fault, one.trials) for one in result.failed] == [
        ("id-3", "NoAnswer", False, 3)
    ]
    assert queue.calls[1:] == [["3"], ["3"]]
    assert len(pauses) == 2


def test_only_what_failed_by_the_receivers_fault_is_tried_again() -> None:
    fault = {"SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"}

    def answer(request: Request) -> dict[str, Any]:
        faults = {"1": THROTTLED, "2": fault} if len(request) == 10 else {}
        return {
            "Successful": [success(one) for one in request if one["MessageBody"] not in faults],
            "Failed": [
                {"Id": one["Id"], **faults[one["MessageBody"]]}
                for one in request
                if one["MessageBody"] in faults
            ],
        }

    queue, sender, _ = scripted(answer)

    result = sender.send(entries(10))

    assert queue.calls[1:] == [["1"]]
    assert [(one.id, one.sender_fault, one.trials) for one in result.failed] == [("id-2", True, 1)]


def test_body_that_arrived_damaged_counts_as_failed() -> None:
    def answer(request: Request) -> dict[str, Any]:
        wrong = {"MD5OfMessageBody": "0" * 32} if len(queue.calls) == 1 else {}
        return {"Successful": [{**success(one), **wrong} for one in request]}

    queue, sender, _ = scripted(answer, max_trials=1)
    (failed,) = sender.send(entries(1)).failed

    assert (failed.code, failed.sender_fault) == ("ChecksumMismatch", False)


def test_attributes_that_arrived_damaged_or_not_at_all_count_as_failed() -> None:
    digests: list[str | None] = ["0" * 32, None, "0a77b0642718c3d9dd47090567d11e0d"]  # the last one is right

    def answer(request: Request) -> dict[str, Any]:
        return {"Successful": [{**success(one), "MD5OfMessageAttributes": digests.pop(0)} for one in request]}

    queue, sender, _ = scripted(answer, max_trials=2)
    kind = {"MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}}}
    (failed,) = sender.send([{**one, **kind} for one in entries(1)]).failed
    again = sender.send([{**one, **kind} for one in entries(1)])

    assert (failed.code, failed.sender_fault, failed.trials) == ("ChecksumMismatch", False, 2)
    assert "attributes" in failed.message
    assert len(queue.calls) == 3
    assert not again.failed


def test_number_of_trials_is_the_callers() -> None:
    queue, sender, _ = scripted(lambda _: {}, max_trials=5)

    sender.send(entries(1))

    assert len(queue.calls) == 5


def test_pause_has_full_jitter_below_an_exponential_bound() -> None:
    for trials, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (30, LONGEST_PAUSE_SECONDS)):
        found = [pause_seconds(trials) for _ in range(500)]
        assert 0 <= min(found) < longest * 0.1
        assert longest * 0.9 < max(found) <= longest


def test_call_that_sqs_refuses_for_one_entry_is_made_in_parts() -> None:
    def answer(request: Request) -> dict[str, Any]:
        if any(one["MessageBody"] == "4" for one in request):
            raise QueueRefused("landing", "InvalidParameterValue: no", code="InvalidParameterValue")
        return all_succeed(request)

    _, sender, _ = scripted(answer)

    result = sender.send(entries(10))

    assert len(result.succeeded) == 9
    assert [(one.id, one.code, one.sender_fault) for one in result.failed] == [
        ("id-4", "InvalidParameterValue", True)
    ]


def test_queue_with_a_smaller_limit_for_calls_gets_smaller_calls() -> None:
    def answer(request: Request) -> dict[str, Any]:
        if len(request) > 3:
            raise QueueRefused("landing", "too long", code="BatchRequestTooLong")
        return all_succeed(request)

    _, sender, _ = scripted(answer)

    assert len(sender.send(entries(25)).succeeded) == 25


def test_refused_access_is_an_error_of_the_whole_call_and_ends_it() -> None:
    def answer(request: Request) -> dict[str, Any]:
        raise QueueRefused("landing", "AccessDenied: no", code="AccessDenied")

    queue, sender, pauses = scripted(answer)

    with pytest.raises(QueueRefused, match="AccessDenied"):
        sender.send(entries(1000))

    assert len(queue.calls) <= 8
    assert pauses == []


def test_access_refused_midway_returns_what_was_sent() -> None:
    def answer(request: Request) -> dict[str, Any]:
        if len(queue.calls) > 3:
            raise QueueRefused("landing", "AccessDenied: no", code="AccessDenied")
        return all_succeed(request)

    queue, sender, _ = scripted(answer)

    result = sender.send(entries(1000))

    assert len(result.succeeded) in {10, 20, 30}
    assert len(result.succeeded) + len(result.failed) == 1000
    assert {one.code for one in result.failed} == {"QueueRefused"}


def test_outage_midway_returns_what_was_sent() -> None:
    def answer(request: Request) -> dict[str, Any]:
        if any(int(one["MessageBody"]) >= 50 for one in request):
            raise QueueUnavailable("landing", "connection lost")
        return all_succeed(request)

    _, sender, _ = scripted(answer)

    result = sender.send(entries(1000))

    assert {one.code for one in result.failed} == {"QueueUnavailable"}
    assert len(result.succeeded) + len(result.failed) == 1000
    assert {one.id for one in result.succeeded} <= {f"id-{n}" for n in range(50)}


def test_at_most_one_entry_of_a_group_is_under_way() -> None:
    queue, sender, _ = scripted(all_succeed, SendLimits(is_fifo=True))
    given = [{"Id": str(n), "MessageBody": str(n), "MessageGroupId": str(n % 3)} for n in range(30)]

    result = sender.send(given)

    assert len(result.succeeded) == 30
    assert all(len({int(body) % 3 for body in call}) == len(call) for call in queue.calls)


def test_groups_of_a_standard_queue_keep_no_order_and_fill_calls() -> None:
    queue, sender, _ = scripted(all_succeed)

    sender.send([{**one, "MessageGroupId": "tenant"} for one in entries(10)])

    assert len(queue.calls) == 1


@pytest.mark.parametrize("by_content", [False, True])
def test_deduplication_id_is_made_only_if_the_queue_needs_one(by_content: bool) -> None:
    requests: list[Request] = []

    def answer(request: Request) -> dict[str, Any]:
        requests.append(request)
        return {} if len(requests) == 1 else all_succeed(request)

    _, sender, _ = scripted(answer, SendLimits(is_fifo=True, deduplicates_by_content=by_content))

    sender.send([{"Id": "1", "MessageBody": "x", "MessageGroupId": "g"}])

    ids = [one.get("MessageDeduplicationId") for request in requests for one in request]
    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert (ids[0] is None) == by_content


def test_calls_are_paced_by_their_entries() -> None:
    paced: list[int] = []
    _, sender, _ = scripted(all_succeed, pace=paced.append)

    sender.send(entries(25))

    assert sorted(paced) == [5, 10, 10]
