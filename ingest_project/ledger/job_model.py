"""What the ledger knows of a job, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobState(StrEnum):
    """How far a job is. It only moves forward, unless a person has a job that failed tried again."""

    SUBMITTED = "submitted"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL_JOB_STATES


FINAL_JOB_STATES = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job, its state, and what became of it so far. Times are UTC.

    `progress` and `result` are what its run told. `attempts` counts the runs that began it. `waits`: its run
    has ended, and the objects that it put in are not all settled.
    """

    job_id: str
    queue: str
    kind: str
    requester: str
    state: JobState
    input_json: str = field(repr=False)
    submitted_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    attempts: int
    run_id: str | None
    request_id: str | None
    error_class: str | None
    reason: str | None
    cancel_requested_at: datetime | None
    cancelled_by: str | None
    progress: Mapping[str, Any] | None
    result: Mapping[str, Any] | None
    manifest: str | None
    waits: bool
    object_id: str

    @property
    def input(self) -> dict[str, Any]:
        """What the request says, as its kind reads it."""
        given: dict[str, Any] = json.loads(self.input_json)
        return given


@dataclass(frozen=True, slots=True)
class MirroredJob:
    """A job for the mirror. What has a higher `number` is as new or newer."""

    job: JobRecord
    number: int


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs to list, the newest first: those that fit all that is given, after the one of the cursor."""

    requester: str | None = None
    kind: str | None = None
    state: JobState | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class JobWork:
    """The object versions that a job waits for: their numbers, and the first reason of a failure.

    `rows` and `size_bytes` are those of `done`; `total_bytes` those of all, as messages or listings claim.
    """

    total: int
    done: int
    failed: int
    rows: int
    size_bytes: int
    total_bytes: int
    reason: str | None = None

    def __add__(self, other: "JobWork") -> "JobWork":
        return JobWork(
            self.total + other.total,
            self.done + other.done,
            self.failed + other.failed,
            self.rows + other.rows,
            self.size_bytes + other.size_bytes,
            self.total_bytes + other.total_bytes,
            self.reason or other.reason,
        )

    @property
    def is_over(self) -> bool:
        return self.done + self.failed >= self.total


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs of one kind and state: how many, since when the oldest waits, and how long they took in all."""

    kind: str
    state: JobState
    jobs: int
    oldest_at: datetime
    duration_seconds: float
