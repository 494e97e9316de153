"""The drain's bookkeeping, with answers that an emulator cannot give: errors, duplicates, sudden silence."""

import logging
import threading
import time
from datetime import UTC, datetime
from itertools import count

import pytest

from ingest_project.errors import QueueUnavailable
from ingest_project.sources.sqs import drain as drain_module
from ingest_project.sources.sqs.drain import Drain
from ingest_project.sources.sqs.message import Message

AT = datetime(2026, 11, 20, 13, tzinfo=UTC)


def message(message_id: str, *, receive_count: int = 1, body: str = "{}") -> Message:
    return Message(
        message_id=message_id,
        receipt_handle=f"{message_id}-{receive_count}",
        body=body,
        receive_count=receive_count,
        sent_at=AT,
        received_at=AT,
    )


class Server:
    """Answers polls one after the other as the test says, then with nothing."""

    def __init__(self, *answers: list[Message] | Exception) -> None:
        self._answers = iter(answers)
        self._lock = threading.Lock()
        self.asked: list[int] = []
        self.waits: list[int] = []

    def poll(self, wanted: int, wait_seconds: int) -> list[Message]:
        with self._lock:
            self.asked.append(wanted)
            self.waits.append(wait_seconds)
            answer = self.answer(wanted)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, wanted: int) -> list[Message] | Exception:
        return next(self._answers, [])


class EndlessServer(Server):
    """Always has more messages, but gives at most so many at a time."""

    def __init__(self, per_poll: int, body: str = "{}") -> None:
        super().__init__()
        self._per_poll = per_poll
        self._body = body
        self._numbers = count()

    def answer(self, wanted: int) -> list[Message]:
        return [
            message(str(next(self._numbers)), body=self._body) for _ in range(min(self._per_poll, wanted))
        ]


def drain(server: Server, *, limit: int = 1000, seconds: float = 30) -> list[Message]:
    return Drain(server.poll, queue="landing", limit=limit, seconds=seconds).run(wait_seconds=20)


def test_an_error_of_the_first_poll_is_raised() -> None:
    with pytest.raises(QueueUnavailable):
        drain(Server(QueueUnavailable("landing", "down")))


def test_a_later_error_ends_the_drain_and_keeps_what_was_received(caplog: pytest.LogCaptureFixture) -> None:
    server = Server([message("1")], [message("2")], QueueUnavailable("landing", "down"))

    with caplog.at_level(logging.WARNING):
        messages = drain(server)

    assert sorted(one.message_id for one in messages) == ["1", "2"]
    assert "drain ends early" in caplog.text


@pytest.mark.parametrize("counts", [(1, 2), (2, 1)])
def test_a_message_received_twice_keeps_its_newest_receipt(counts: tuple[int, int]) -> None:
    first, second = (message("1", receive_count=received) for received in counts)

    messages = drain(Server([first], [second]))

    assert [one.receipt_handle for one in messages] == ["1-2"]


def test_one_empty_answer_does_not_end_the_drain() -> None:
    server = Server([message("1")], [], [], [message("2")], [], [], [message("3")])

    assert len(drain(server)) == 3


def test_the_first_empty_answer_ends_a_drain_that_received_nothing() -> None:
    server = Server()

    assert drain(server) == []
    assert server.waits == [20]


@pytest.mark.parametrize("per_poll", [1, 3, 10])
def test_polls_never_ask_for_more_than_the_limit_leaves(per_poll: int) -> None:
    server = EndlessServer(per_poll)

    messages = drain(server, limit=137)

    assert len(messages) == 137
    assert max(server.asked) == 10


@pytest.mark.parametrize(
    ("body", "held_bytes"), [("x" * 10_000, 10_000), ("x" * 9_999 + "\U0001f600", 40_000)]
)
def test_bodies_end_a_drain_by_what_they_take_in_memory(
    body: str, held_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "MAX_BODY_BYTES", 10**7)

    messages = drain(EndlessServer(10, body), limit=1_000_000)

    under_way = drain_module.WORKERS * drain_module.BATCH
    assert 10**7 // held_bytes - 10 <= len(messages) <= 10**7 // held_bytes + under_way


def test_the_deadline_ends_a_drain_of_a_queue_that_never_empties() -> None:
    def slow(wanted: int, _: int) -> list[Message]:
        time.sleep(0.05)
        return [message(f"{threading.get_ident()} {time.monotonic()} {n}") for n in range(wanted)]

    began = time.monotonic()
    messages = Drain(slow, queue="landing", limit=1_000_000, seconds=0.5).run(wait_seconds=20)

    assert 0.5 <= time.monotonic() - began < 2
    assert len(messages) >= 100


def test_parts_come_while_later_messages_are_received() -> None:
    taken = threading.Event()

    class Waiting(EndlessServer):
        """Has 40 messages, and more only after a part of them was taken."""

        def answer(self, wanted: int) -> list[Message]:
            if len(self.asked) > 4:
                assert taken.wait(10)
            return super().answer(wanted)

    server = Waiting(10)
    parts = Drain(server.poll, queue="landing", limit=137, seconds=30).parts(20, size=20)

    first = next(parts)
    assert 20 <= len(first) <= 40
    taken.set()
    rest = list(parts)

    assert all(len(part) >= 20 for part in rest[:-1])
    received = [one.message_id for part in (first, *rest) for one in part]
    assert sorted(map(int, received)) == list(range(137))
    assert max(server.asked) == 10


def test_a_message_received_again_after_its_part_was_taken_comes_again_with_its_newest_receipt() -> None:
    server = Server([message("1")], [message("2")], [message("1", receive_count=2)])

    parts = Drain(server.poll, queue="landing", limit=1000, seconds=30).parts(20, size=1)

    assert [one.receipt_handle for part in parts for one in part if one.message_id == "1"][-1] == "1-2"


def test_parts_that_are_not_wanted_any_more_end_the_drain() -> None:
    server = EndlessServer(10)
    parts = Drain(server.poll, queue="landing", limit=1_000_000, seconds=30).parts(20, size=100)

    next(parts)
    began = time.monotonic()
    parts.close()

    assert time.monotonic() - began < 10
    asked = len(server.asked)
    time.sleep(0.2)
    assert len(server.asked) == asked


def test_messages_do_not_wait_for_those_that_may_still_come() -> None:
    server = Server([message("a")], [], [message("b")])

    assert {one.message_id for one in drain(server)} == {"a", "b"}

    first, *others = server.waits
    assert first == 20
    assert set(others) == {0}
    assert len(others) > drain_module.EMPTY_ANSWERS_IN_A_ROW  # one answer may be of servers that have none
