"""The client of the API of jobs. A request may be sent again: a submission has a key that makes it one job.

A request without an answer, or with 429, 503 and the like, is sent again a few times, after the time that
`Retry-After` says. What the API refuses is a JobApiRefused with its fields. No error quotes the token.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx

from ingest_project.errors import JobApiRefused, JobApiUnavailable
from ingest_project.settings.api_settings import is_loopback

TRIALS: Final = 5
FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 30.0
TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
POLL_SECONDS: Final = 2.0
PAGE: Final = 200
FINAL_STATES: Final = ("completed", "failed", "cancelled")
ENDED: Final = 409
"""The status of a cancellation that comes too late."""
AGAIN: Final = (429, 502, 503, 504)
"""The statuses of requests that may succeed later."""

Status = dict[str, Any]
"""A job as the API answers it."""


@dataclass(frozen=True, slots=True)
class JobClient:
    """Asks the API at this URL. `sleep` and `monotonic` are those of `time`."""

    url: str
    token: str | None = field(default=None, repr=False)
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        # A proxy of the environment does not reach this machine's own loopback interface.
        trust_env = not is_loopback(urlsplit(self.url).hostname or "")
        client = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=trust_env)
        object.__setattr__(self, "client", client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def submit(self, kind: str, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Status:
        """The job of a request; without a key it gets one, so that trying again cannot make two jobs."""
        headers = {"Idempotency-Key": idempotency_key or new_key()}
        return self._asked("POST", "/submit-job", json={"job": kind, "input": dict(given)}, headers=headers)

    def status(self, job_id: str) -> Status:
        """The job with this id."""
        return self._asked("GET", f"/job-status/{quote(job_id, safe='')}")

    def cancel(self, job_id: str) -> Status:
        """The job after its cancellation was asked for; the same if it is cancelled already."""
        try:
            return self._asked("POST", f"/jobs/{quote(job_id, safe='')}/cancel")
        except JobApiRefused as error:
            # The answer to an earlier trial may have been lost.
            if error.status != ENDED or (found := self.status(job_id))["state"] != "cancelled":
                raise
            return found

    def jobs(self, *, job: str | None, state: str | None, limit: int | None) -> Iterator[Status]:
        """The jobs, the newest first; at most `limit` of them."""
        left, cursor = limit, None
        while True:
            given = {"job": job, "state": state, "limit": min(PAGE, left or PAGE), "cursor": cursor}
            page = self._asked(
                "GET", "/jobs", params={key: one for key, one in given.items() if one is not None}
            )
            yield from page["jobs"][:left]
            left = None if left is None else left - len(page["jobs"])
            cursor = page.get("next_cursor")
            if cursor is None or (left is not None and left <= 0):
                return

    def wait(self, job_id: str, *, timeout_seconds: float | None) -> Iterator[Status]:
        """The job, again and again until it has ended or the time is over."""
        until = None if timeout_seconds is None else self.monotonic() + timeout_seconds
        while True:
            status = self.status(job_id)
            yield status
            left = POLL_SECONDS if until is None else until - self.monotonic()
            if status["state"] in FINAL_STATES or left <= 0:
                return
            self.sleep(min(POLL_SECONDS, left))

    def _asked(self, method: str, path: str, **keywords: Any) -> Status:
        """The JSON of the answer; asks again while there is none."""
        waited, why = 0.0, ""
        for trial in range(1, TRIALS + 1):
            asked: float | None = None
            try:
                answer = self.client.request(method, path, **keywords)
            except httpx.TransportError as error:
                why = str(error) or type(error).__name__
            else:
                if answer.status_code not in AGAIN:
                    return self._parsed(answer)
                why, asked = _told(answer)[0], _retry_after(answer.headers.get("Retry-After"))
            if trial < TRIALS:
                seconds = _pause(asked, trial)
                self.sleep(seconds)
                waited += seconds
        trials = f"{TRIALS} trials in {waited:.0f} s"
        raise JobApiUnavailable(f"the API at {self.url} did not answer ({trials}): {why}")

    def _parsed(self, answer: httpx.Response) -> Status:
        if answer.is_success:
            with suppress(ValueError):
                found = answer.json()
                if isinstance(found, dict):
                    return found
        elif 400 <= answer.status_code < 500:
            raise JobApiRefused(answer.status_code, _told(answer))
        said = f"{answer.status_code} {answer.reason_phrase}".strip()
        raise JobApiUnavailable(f"the API at {self.url} answered {said}; is this the URL of `ingest api`?")


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return secrets.token_hex(16)


def _pause(asked: float | None, trial: int) -> float:
    """What the answer asks for, else a longer time each trial, of which half is random."""
    longest = FIRST_WAIT_SECONDS * 2**trial
    return min(longest * random.uniform(0.5, 1) if asked is None else asked, LONGEST_WAIT_SECONDS)  # noqa: S311


def _retry_after(text: str | None) -> float | None:
    """A number of seconds, or a time; None if it is neither."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        return max(0.0, float(text)) if text.strip().isdigit() else _seconds_until(text)
    return None


def _seconds_until(text: str) -> float:
    at = parsedate_to_datetime(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _told(answer: httpx.Response) -> list[str]:
    """What a problem says, and a line for each field; for another answer, its status."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or not isinstance(problem.get("title"), str):
        return [f"{answer.status_code} {answer.reason_phrase}".strip()]
    detail = problem.get("detail")
    lines = [f"{problem['title']}: {detail}" if isinstance(detail, str) and detail else problem["title"]]
    errors = problem.get("errors")
    named = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    return [*lines, *(f"{one.get('field', '?')}: {one.get('reason', '?')}" for one in named)]
