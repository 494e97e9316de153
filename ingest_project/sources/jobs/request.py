"""A request for a job, and its text on the queue.

The API writes the text, and so may anything else that can send to the queue, such as an API Gateway:

    {"job": "ingest", "input": {"table": "sales.orders"}, "idempotency_key": "2026-11-30-orders"}

`job_id` is only in requests that the API has recorded before it sent them.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ingest_project.errors import NotAJobRequest

MAX_INPUT_BYTES: Final = 262_144
"""The most bytes of an input, as JSON: it is kept in the ledger until its job is pruned."""
MAX_DEPTH: Final = 64
KEYS: Final = ("job", "input", "idempotency_key", "job_id", "request_id")
JOB_ID = re.compile(r"[0-9a-f]{32}")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
QUEUE_REQUESTER: Final = "queue"
"""Who asked for a job whose request was not recorded before it came from the queue."""
_KIND = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What somebody asked for. `input_json` is its canonical text; `at` is UTC, when it was sent."""

    job_id: str
    kind: str
    input_json: str = field(repr=False)
    requester: str
    at: datetime
    request_id: str | None = None

    @property
    def digest(self) -> str:
        """Identifies kind and input: two requests with the same digest ask for the same."""
        return digest_of(self.kind, self.input_json)


@dataclass(frozen=True, slots=True)
class WrittenRequest:
    """What the text of a message asks for, before it is known whose request it is."""

    kind: str
    input_json: str = field(repr=False)
    idempotency_key: str | None
    job_id: str | None
    request_id: str | None


def canonical(value: Any) -> str:
    """The JSON text of a value, in ASCII, the same for equal values. Raises ValueError if it has none."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)


def digest_of(*parts: str) -> str:
    """A digest of texts, in hex; other texts, or the same ones divided otherwise, give another one."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()


def request_text(request: JobRequest) -> str:
    """The message for a recorded request."""
    given = {"job": request.kind, "input": json.loads(request.input_json), "job_id": request.job_id}
    return canonical(given if request.request_id is None else {**given, "request_id": request.request_id})


def parse_request(text: str) -> WrittenRequest:
    """What the text of a message asks for. Raises NotAJobRequest, which says what is wrong with it."""
    try:
        given = json.loads(text, parse_constant=_refuse_constant)
        input_json = canonical(_checked(given).get("input", {}))
    except RecursionError:
        raise NotAJobRequest("its JSON is nested too deeply") from None
    except ValueError as error:
        raise NotAJobRequest(f"it is not JSON: {type(error).__name__}") from None
    if len(input_json) > MAX_INPUT_BYTES:
        raise NotAJobRequest(f"its input has more than {MAX_INPUT_BYTES:,} bytes")
    return WrittenRequest(
        given["job"], input_json, given.get("idempotency_key"), given.get("job_id"), given.get("request_id")
    )


def _checked(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise NotAJobRequest("it is not a JSON object")
    if unknown := sorted(set(given) - set(KEYS)):
        raise NotAJobRequest(f"it has an unknown key {unknown[0][:100]!r}; known are {', '.join(KEYS)}")
    if not isinstance(given.get("job"), str) or not _KIND.fullmatch(given["job"]):
        raise NotAJobRequest("`job` is not the name of a kind of job")
    if not isinstance(given.get("input", {}), dict):
        raise NotAJobRequest("`input` is not a JSON object")
    for key, pattern in (("job_id", JOB_ID), ("request_id", REQUEST_ID), ("idempotency_key", None)):
        value = given.get(key)
        if value is None:
            continue
        is_text = isinstance(value, str) and 0 < len(value) <= 256
        if not is_text or (pattern is not None and not pattern.fullmatch(value)):
            raise NotAJobRequest(f"`{key}` is not valid")
    return given


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
