"""An HTTP proxy before the emulated AWS that loses answers, cuts connections, throttles, and fails
entries.
"""

import http.client
import json
import socket
import struct
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ingest_project_tests.fault_trials.proxy_rules import GARBLED, Effect, Rule, Rules, operation_of

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}
PATIENCE_SECONDS = 120.0
"""How long the proxy waits for the server, and the longest that it lets a client hang."""


ERRORS = {Effect.SERVER_ERROR: (500, "InternalError"), Effect.THROTTLE: (503, "SlowDown")}
"""Status and code, as S3 has them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class FaultProxy:
    """Forwards to `upstream`, except where a rule applies. Listens on a free port of 127.0.0.1 until
    closed.
    """

    def __init__(self, upstream: str) -> None:
        self.rules = Rules()
        self._server = _Server(upstream, self.rules)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="fault-proxy", daemon=True
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening; hanging calls end."""
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, upstream: str, rules: Rules) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.rules = rules
        self.closing = threading.Event()
        self.deleted: set[str] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed or cut off are what a fault trial is about: nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = operation_of(self.command, self.path, self.headers)
        rule = self.server.rules.take(operation)
        if rule is None:
            self._reply(self._forward(body))
        else:
            self._misbehave(rule, body)

    def _misbehave(self, rule: Rule, body: bytes) -> None:
        match rule.effect:
            case Effect.LOSE_ANSWER:
                self._forward(body)
                self._cut()
            case Effect.RESET:
                self._cut()
            case Effect.RESET_MID_BODY:
                self._reply_in_part(self._forward(body))
            case Effect.SLOW:
                answer = self._forward(body)
                self.server.closing.wait(rule.seconds)
                self._reply(answer)
            case Effect.HANG:
                self._forward(body)
                self.server.closing.wait(rule.seconds or PATIENCE_SECONDS)
                self._cut()
            case Effect.SERVER_ERROR | Effect.THROTTLE:
                self._reply(self._error(*ERRORS[rule.effect]))
            case Effect.REFUSE_SOME:
                self._reply(self._half(body, code="InternalError", sender_fault=False))
            case Effect.GARBLE:
                answer = self._forward(body)
                garbled = answer.body.replace(GARBLED.encode(), GARBLED.upper().encode())
                self._reply(Answer(answer.status, answer.headers, garbled))
            case Effect.STALE_RECEIPTS:
                self._reply(self._half(body, code="ReceiptHandleIsInvalid", sender_fault=True))

    def _forward(self, body: bytes) -> Answer:
        answer = self._ask(body)
        if operation_of(self.command, self.path, self.headers) == "DeleteMessageBatch":
            return self._deleted_again(body, answer)
        return answer

    def _deleted_again(self, body: bytes, answer: Answer) -> Answer:
        """As SQS does, and ministack does not: what is deleted already is deleted with success."""
        if answer.status != 200:
            return answer
        handles = {one["Id"]: one.get("ReceiptHandle") for one in json.loads(body)["Entries"]}
        told = json.loads(answer.body)
        again = [one for one in told.get("Failed", []) if handles[one["Id"]] in self.server.deleted]
        self.server.deleted.update(handles[one["Id"]] for one in told.get("Successful", []))
        if not again:
            return answer
        told["Failed"] = [one for one in told["Failed"] if one not in again]
        told["Successful"] = [*told.get("Successful", []), *({"Id": one["Id"]} for one in again)]
        return Answer(answer.status, answer.headers, json.dumps(told).encode())

    def _ask(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=PATIENCE_SECONDS)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def _reply(self, answer: Answer) -> None:
        self._start(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _reply_in_part(self, answer: Answer) -> None:
        self._start(answer)
        self.wfile.write(answer.body[: len(answer.body) // 2])
        self.wfile.flush()
        self._cut()

    def _start(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in HOP_BY_HOP or (
                self.command == "HEAD" and name.lower() == "content-length"
            ):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.flush()

    def _cut(self) -> None:
        """Reset the connection: the client sees ECONNRESET, not an orderly end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _error(self, status: int, code: str) -> Answer:
        """S3's XML or SQS's JSON, as the client expects it."""
        if "X-Amz-Target" not in self.headers:
            xml = f"<Error><Code>{code}</Code><Message>made by a fault trial</Message></Error>"
            return Answer(status, [("Content-Type", "application/xml")], xml.encode())
        known = {"SlowDown": (400, "RequestThrottled"), "InternalError": (500, "InternalError")}
        status, code = known[code]
        text = json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "made by a fault trial"})
        return Answer(status, [("Content-Type", "application/x-amz-json-1.0")], text.encode())

    def _half(self, body: bytes, *, code: str, sender_fault: bool) -> Answer:
        """Forward every second entry of a batch call, and answer for the others that they failed."""
        request = json.loads(body)
        entries = request["Entries"]
        refused = [
            {"Id": entry["Id"], "Code": code, "SenderFault": sender_fault, "Message": "made by a fault trial"}
            for entry in entries[::2]
        ]
        if not entries[1::2]:
            done: dict[str, Any] = {"Successful": []}
            headers = [("Content-Type", "application/x-amz-json-1.0")]
        else:
            answer = self._forward(json.dumps({**request, "Entries": entries[1::2]}).encode())
            done, headers = json.loads(answer.body), answer.headers
        done["Failed"] = [*done.get("Failed", []), *refused]
        return Answer(200, headers, json.dumps(done).encode())
