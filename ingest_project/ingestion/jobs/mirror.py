"""Copies the status of jobs to a DynamoDB table, from which it can be served without the API or the ledger.

An item is what `GET /job-status` answers, with `id` as its key. Links to results are not in it, because they
expire: `manifest_uri` is where the manifest is. `number` grows with each change of the job, and an item is
only replaced by one with a higher number, so that a writer that was delayed never puts an older state over a
newer one. The ledger knows what the mirror lacks; an outage of DynamoDB delays the mirror, and no job.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ingest_project.ledger.job_model import JobRecord, JobState
from ingest_project.ledger.ledger import Ledger

if TYPE_CHECKING:
    from ingest_project.settings.job_settings import JobMirrorSettings
    from ingest_project.sources.aws import Aws

AT_ONCE: Final = 100
SECONDS: Final = 5.0
"""A tick waits no longer for the mirror; what is left is copied by the next one."""
MAX_RESULT_BYTES: Final = 300_000
"""An item may have 400 KB."""
PROGRESS: Final = ("objects_done", "objects_total", "rows", "bytes_done", "bytes_total")
IS_NEWER: Final = "attribute_not_exists(id) OR #number < :number"

log = logging.getLogger(__name__)


@dataclass
class JobMirror:
    """The mirror of one deployment."""

    ledger: Ledger
    settings: "JobMirrorSettings"
    aws: "Aws"
    monotonic: Callable[[], float] = time.monotonic

    def copy(self) -> int:
        """Copy what the mirror lacks, for a few seconds; returns how many jobs. Raises LedgerUnavailable.

        If DynamoDB refuses or does not answer, that is logged, and the next call tries again.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        from ingest_project.errors import SettingsError

        until, copied = self.monotonic() + SECONDS, 0
        for one in self.ledger.jobs.unmirrored(limit=AT_ONCE):
            try:
                self._put(item_of(one.job, one.number))
            except (BotoCoreError, ClientError, SettingsError) as error:
                code = getattr(error, "response", {}).get("Error", {}).get("Code") or type(error).__name__
                log.warning(
                    "the mirror %s does not take job %s: %s", self.settings.table, one.job.job_id, code
                )
                if code != "ValidationException":
                    break
                continue
            self.ledger.jobs.mirrored(one.job.job_id, one.job.state, number=one.number)
            copied += 1
            if self.monotonic() > until:
                break
        return copied

    @cached_property
    def _client(self) -> Any:
        return self.aws.of(self.settings).dynamodb()

    def _put(self, item: Mapping[str, Any]) -> None:
        from boto3.dynamodb.types import TypeSerializer

        serialize = TypeSerializer().serialize
        try:
            self._client.put_item(
                TableName=self.settings.table,
                Item={name: serialize(value) for name, value in item.items()},
                ConditionExpression=IS_NEWER,
                ExpressionAttributeNames={"#number": "number"},
                ExpressionAttributeValues={":number": serialize(item["number"])},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            log.info("the mirror %s has a newer state of job %s", self.settings.table, item["id"])


def item_of(job: JobRecord, number: int) -> dict[str, Any]:
    """The item of a job, in the types that DynamoDB has: numbers are decimals."""
    result, is_whole = _storable(job.result)
    return {
        **status_of(job),
        "result": result,
        "result_left_out": not is_whole,
        "manifest_uri": job.manifest,
        "number": number,
    }


def status_of(job: JobRecord) -> dict[str, Any]:
    """What the API answers for the job, without a link to its manifest."""
    told = job.progress
    return {
        "id": job.job_id, "job": job.kind, "state": job.state.value,
        "submitted_at": _time(job.submitted_at), "queued_at": _time(job.queued_at),
        "started_at": _time(job.started_at), "ended_at": _time(job.ended_at), "attempts": job.attempts,
        "cancel_requested": job.cancel_requested_at is not None, "requester": job.requester,
        "progress": None if told is None else {key: told.get(key) for key in PROGRESS},
        "error": _error(job), "result": None if job.result is None else dict(job.result), "manifest": None,
    }  # fmt: skip


def _error(job: JobRecord) -> dict[str, str] | None:
    if job.state is not JobState.FAILED:
        return None
    return {"class": job.error_class or "unknown", "reason": job.reason or "no reason is recorded"}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _storable(result: Mapping[str, Any] | None) -> tuple[Any, bool]:
    """The result with decimals for numbers, and True; None and False if DynamoDB could not store it."""
    from boto3.dynamodb.types import TypeSerializer

    text = json.dumps(None if result is None else dict(result))
    found = json.loads(text, parse_float=Decimal)
    try:
        TypeSerializer().serialize(found)
    except (ArithmeticError, TypeError, ValueError, RecursionError):
        return None, False
    return (found, True) if len(text) <= MAX_RESULT_BYTES else (None, False)
