"""What surrounds every request: its id, the headers of its answer, the access log, and the last resort.

The access log has one JSON object for each request: never a body, a token, or a value of the query.
"""

import json
import logging
import secrets
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest_project.api.problems import Problem
from ingest_project.settings.clocks import utc_now
from ingest_project.sources.jobs.request import REQUEST_ID

MAX_IN_PROGRESS: Final = 512
"""How many requests may wait for a thread; each holds one body of at most `max_body_bytes`."""
UNMATCHED: Final = "unmatched"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
}

access_log = logging.getLogger("ingest_project.api.access")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class RequestNotes:
    """What is known of a request while it is answered; in the ASGI scope as `ingest`."""

    request_id: str
    requester: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """A request that was answered, for the metrics."""

    method: str
    path: str
    status: int
    seconds: float


class Guard:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, handled: Callable[[Handled], None]) -> None:
        self._app = app
        self._handled = handled
        self._in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        notes = scope["ingest"] = RequestNotes(_request_id(scope["headers"]))
        started, status = time.perf_counter(), 500
        has_started = False

        async def send_guarded(message: Message) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                has_started, status = True, message["status"]
                _add_headers(message, notes.request_id)
            await send(message)

        self._in_progress += 1
        try:
            await self._admitted()(scope, receive, send_guarded)
        except Exception as error:  # the edge of the API: what leaves it must be an answer
            problem = error if isinstance(error, Problem) else _unexpected(error, notes)
            if not has_started:
                await problem.answer(notes.request_id)(scope, receive, send_guarded)
        finally:
            self._in_progress -= 1
            self._record(scope, notes, status, time.perf_counter() - started)

    def _admitted(self) -> ASGIApp:
        if self._in_progress > MAX_IN_PROGRESS:
            raise Problem("overloaded", "try again later", headers={"Retry-After": "1"})
        return self._app

    def _record(self, scope: Scope, notes: RequestNotes, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        path = getattr(scope.get("route"), "path", UNMATCHED)
        self._handled(Handled(method, path, status, seconds))
        line = {
            "at": utc_now().isoformat().replace("+00:00", "Z"),
            "request_id": notes.request_id,
            "requester": notes.requester,
            "method": method,
            "path": path,
            "status": status,
            "ms": round(seconds * 1_000, 1),
        }
        if notes.job_id is not None:
            line["job_id"] = notes.job_id
        access_log.info(json.dumps(line))


def notes_of(request: Request) -> RequestNotes:
    """What is known of this request."""
    notes: RequestNotes = request.scope["ingest"]
    return notes


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that the request brings, if it is valid; else a new one."""
    given = [value.decode("latin-1") for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and REQUEST_ID.fullmatch(given[0]):
        return given[0]
    return secrets.token_hex(16)


def _add_headers(message: Any, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["X-Request-Id"] = request_id


def _unexpected(error: Exception, notes: RequestNotes) -> Problem:
    """The problem of an unexpected exception. The log has its place; its text may quote a secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename}:{frame.lineno}"
    log.error("request %s: unexpected %s at %s", notes.request_id, type(error).__name__, place)
    return Problem("internal-error", "it was recorded under the id of this request")
