"""Errors as RFC 9457 problems: what is wrong, in which field, and what to do next.

A problem never repeats a value of the request, nor the text of an unexpected exception.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from starlette.responses import Response

from ingest_project.errors import IdempotencyConflict, JobRefused
from ingest_project.settings.secrets import without_secrets

MEDIA_TYPE: Final = "application/problem+json"
MAX_FIELD = 200
MAX_REASON = 2_000
MAX_ERRORS = 20
RETRY_SECONDS = 5

TITLES: Final[Mapping[str, tuple[int, str]]] = {
    "invalid-json": (400, "The body is not valid JSON"),
    "bad-request": (400, "The request is not valid HTTP"),
    "unauthorized": (401, "A valid bearer token is needed"),
    "missing-scope": (403, "The token does not allow this"),
    "not-found": (404, "There is no such thing"),
    "method-not-allowed": (405, "The path does not have this method"),
    "body-timeout": (408, "The body did not arrive in time"),
    "job-ended": (409, "The job has ended"),
    "body-too-large": (413, "The body is too large"),
    "not-json": (415, "The body must be application/json"),
    "wrong-host": (421, "The API is open only under a loopback name"),
    "invalid-request": (422, "The request is not valid"),
    "job-refused": (422, "The job cannot be accepted"),
    "idempotency-conflict": (422, "The idempotency key was used for another request"),
    "too-many-requests": (429, "Too many requests"),
    "internal-error": (500, "The API has failed"),
    "unavailable": (503, "A service that is needed did not answer"),
    "overloaded": (503, "Too many requests are in progress"),
}
"""The status and the title of each problem; `type` is `urn:ingest:problem:` and the name."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its path, like `input.table`."""

    field: str
    reason: str


class Problem(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        name: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.status, self.title = TITLES[name]
        super().__init__(name)

    def answer(self, request_id: str) -> Response:
        """The answer to the request of this id, in ASCII, which every client can decode."""
        body: dict[str, Any] = {
            "type": f"urn:ingest:problem:{self.name}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": request_id,
        }
        if self.errors:
            body["errors"] = [
                {"field": _shown(one.field, MAX_FIELD), "reason": _shown(one.reason, MAX_REASON)}
                for one in self.errors[:MAX_ERRORS]
            ]
        return Response(json.dumps(body), self.status, self.headers, MEDIA_TYPE)


def unavailable(what: str) -> Problem:
    """A problem that may be over soon."""
    return Problem("unavailable", f"{what}; try again later", headers={"Retry-After": str(RETRY_SECONDS)})


def refused(error: JobRefused) -> Problem:
    """A job that cannot be accepted as it is."""
    name = "idempotency-conflict" if isinstance(error, IdempotencyConflict) else "job-refused"
    reason = without_secrets(error.reason)
    return Problem(name, "correct what `errors` names", [FieldError(error.field, reason)])


def invalid(error: ValidationError, *prefix: str) -> Problem:
    """A body or query that is not what the operation takes."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return Problem("invalid-request", "correct what `errors` names", field_errors(found, *prefix))


def field_errors(found: Sequence[Any], *prefix: str) -> list[FieldError]:
    """Pydantic's errors by field."""
    paths = [".".join(str(step) for step in (*prefix, *one["loc"])) for one in found]
    return [FieldError(path or "body", _reason(one)) for path, one in zip(paths, found, strict=True)]


def _reason(one: Mapping[str, Any]) -> str:
    match one["type"]:
        case "extra_forbidden":
            return "is not known here"
        case "missing":
            return "is missing"
        case _:
            text = str(one["msg"])
            return text[:1].lower() + text[1:]


def _shown(text: str, longest: int) -> str:
    """Text that is safe on a terminal: the name of a field may be the request's own."""
    shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:longest])
    return shown if len(text) <= longest else f"{shown}..."
