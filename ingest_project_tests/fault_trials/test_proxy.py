"""The fault proxy does what its rules say, and nothing when they say nothing."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.proxy_rules import GARBLED, Effect, Rule

BODY = b"0123456789" * 1000


class Upstream(ThreadingHTTPServer):
    """A server that answers every GET with `BODY` and every batch call with success, and counts both."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), UpstreamHandler)
        self.calls: list[list[str]] = []
        self.refuses = False


class UpstreamHandler(BaseHTTPRequestHandler):
    server: Upstream

    def do_GET(self) -> None:
        self._answer([], BODY)

    def do_POST(self) -> None:
        entries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Entries"]
        ids = [entry["Id"] for entry in entries]
        told = [{"Id": one} for one in ids]
        self._answer(ids, json.dumps({"Failed" if self.server.refuses else "Successful": told}).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def _answer(self, ids: list[str], body: bytes) -> None:
        self.server.calls.append(ids)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[FaultProxy]:
    made = FaultProxy(f"http://127.0.0.1:{upstream.server_address[1]}")
    yield made
    made.close()


def get(proxy: FaultProxy, seconds: float = 5) -> requests.Response:
    return requests.get(f"{proxy.endpoint}/bucket/key", timeout=seconds)


def delete(proxy: FaultProxy, *ids: str) -> requests.Response:
    return requests.post(
        f"{proxy.endpoint}/",
        json={"QueueUrl": "q", "Entries": [{"Id": one} for one in ids]},
        headers={"X-Amz-Target": "AmazonSQS.DeleteMessageBatch"},
        timeout=5,
    )


def test_without_rules_it_forwards(proxy: FaultProxy, upstream: Upstream) -> None:
    assert get(proxy).content == BODY
    assert delete(proxy, "a").json() == {"Successful": [{"Id": "a"}]}
    assert upstream.calls == [[], ["a"]]


def test_lost_answer_is_a_cut_connection_after_the_work_was_done(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    rule = proxy.rules.add(Rule("DeleteMessageBatch", Effect.LOSE_ANSWER))

    with pytest.raises(requests.ConnectionError):
        delete(proxy, "a")

    assert upstream.calls == [["a"]]
    assert rule.hits == 1
    assert delete(proxy, "b").ok


def test_reset_is_a_cut_connection_and_no_work(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.rules.add(Rule("GetObject", Effect.RESET))

    with pytest.raises(requests.ConnectionError):
        get(proxy)

    assert upstream.calls == []


def test_reset_in_mid_body_never_looks_like_a_whole_body(proxy: FaultProxy) -> None:
    proxy.rules.add(Rule("GetObject", Effect.RESET_MID_BODY))

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        get(proxy)


def test_hung_call_answers_nothing(proxy: FaultProxy) -> None:
    proxy.rules.add(Rule("GetObject", Effect.HANG, seconds=3))

    with pytest.raises(requests.ReadTimeout):
        get(proxy, seconds=0.2)


def test_slow_call_is_answered_in_the_end(proxy: FaultProxy) -> None:
    proxy.rules.add(Rule("GetObject", Effect.SLOW, seconds=0.3))

    answer = get(proxy)

    assert answer.content == BODY
    assert answer.elapsed.total_seconds() >= 0.3


def test_what_is_to_be_changed_in_transit_is_changed_in_the_answer_alone(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    proxy.rules.add(Rule("DeleteMessageBatch", Effect.GARBLE))

    answer = delete(proxy, GARBLED, "a")

    assert answer.json() == {"Successful": [{"Id": GARBLED.upper()}, {"Id": "a"}]}
    assert upstream.calls == [[GARBLED, "a"]]


def test_errors_are_in_the_words_of_the_service_that_is_called(proxy: FaultProxy) -> None:
    proxy.rules.add(Rule("GetObject", Effect.THROTTLE))
    proxy.rules.add(Rule("DeleteMessageBatch", Effect.THROTTLE))
    proxy.rules.add(Rule("DeleteMessageBatch", Effect.SERVER_ERROR))

    s3 = get(proxy)
    throttled, failed = delete(proxy, "a"), delete(proxy, "a")

    assert (s3.status_code, "<Code>SlowDown</Code>" in s3.text) == (503, True)
    assert (throttled.status_code, throttled.json()["__type"]) == (400, "com.amazonaws.sqs#RequestThrottled")
    assert (failed.status_code, failed.json()["__type"]) == (500, "com.amazonaws.sqs#InternalError")


def test_batch_call_refused_for_some_does_the_others(proxy: FaultProxy, upstream: Upstream) -> None:
    proxy.rules.add(Rule("DeleteMessageBatch", Effect.STALE_RECEIPTS))

    answer = delete(proxy, "a", "b", "c").json()

    assert upstream.calls == [["b"]]
    assert [one["Id"] for one in answer["Successful"]] == ["b"]
    assert [(one["Id"], one["Code"], one["SenderFault"]) for one in answer["Failed"]] == [
        ("a", "ReceiptHandleIsInvalid", True),
        ("c", "ReceiptHandleIsInvalid", True),
    ]


def test_message_that_is_deleted_again_is_deleted_as_sqs_does_and_ministack_does_not(
    proxy: FaultProxy, upstream: Upstream
) -> None:
    def delete(*handles: str) -> list[str]:
        entries = [{"Id": one, "ReceiptHandle": one} for one in handles]
        headers = {"X-Amz-Target": "AmazonSQS.DeleteMessageBatch"}
        told = requests.post(proxy.endpoint, json={"Entries": entries}, headers=headers, timeout=10).json()
        return [one["Id"] for one in told["Successful"]]

    assert delete("a", "b") == ["a", "b"]
    upstream.refuses = True
    assert delete("b", "c") == ["b"]


def test_rule_applies_as_often_as_it_says_and_counts(proxy: FaultProxy) -> None:
    rule = proxy.rules.add(Rule("GetObject", Effect.SERVER_ERROR, times=2))

    assert [get(proxy).status_code for _ in range(3)] == [500, 500, 200]
    assert rule.hits == 2


def test_rules_are_cleared(proxy: FaultProxy) -> None:
    proxy.rules.add(Rule("GetObject", Effect.SERVER_ERROR, times=9))
    proxy.rules.clear()

    assert get(proxy).ok
