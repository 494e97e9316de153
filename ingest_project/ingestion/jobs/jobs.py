"""Accepts requests for jobs, and answers what became of them.

A request is recorded, then sent to the jobs' queue, and is accepted only once SQS has it. A crash between the
two leaves a record that nobody was told of; a request with the same idempotency key sends it then.
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest_project.errors import QueueUnavailable
from ingest_project.ingestion.jobs.inputs import CheckOwn, checked_input
from ingest_project.ledger.job_model import JobQuery, JobRecord
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.clocks import Clock, utc_now
from ingest_project.settings.model import Settings
from ingest_project.sources.jobs.request import JobRequest, digest_of, request_text
from ingest_project.sources.object_version import bucket_and_key
from ingest_project.sources.sqs.send import Sender

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from ingest_project.sources.sqs.queue import Queue
    from ingest_project.sources.sqs.send_entries import SendLimits

MANIFEST = "manifest.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResultLink:
    """A link to the manifest of a job's result, which whoever has it may read until `expires_at`, UTC."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and under which idempotency key and request id."""

    requester: str
    idempotency_key: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one deployment.

    `s3` opens the client of a bucket, with the time at which its credentials expire (None: they do not).
    """

    settings: Settings
    ledger: Ledger
    queue: "Queue"
    check_own: CheckOwn
    s3: "Callable[[str], tuple[S3Client, datetime | None]]"
    clock: Clock = utc_now
    _limits: "list[SendLimits]" = field(default_factory=list, repr=False, compare=False)

    def submit(self, kind: str, given: Mapping[str, Any], asked: Asked) -> tuple[JobRecord, bool]:
        """The job of a request, and whether it is a new one.

        Raises JobRefused if the input is not valid, IdempotencyConflict if the key was used for another
        request, and QueueUnavailable or LedgerUnavailable if it could not be accepted: then it may be sent
        again with the same key.
        """
        text = checked_input(self.settings, kind, given, self.check_own)
        now = self.clock()
        request = JobRequest(new_job_id(now), kind, text, asked.requester, now, asked.request_id)
        key = asked.idempotency_key
        identity = None if key is None else digest_of("requester", asked.requester, key)
        job, is_new = self.ledger.jobs.submit(self.queue.name, request, idempotency_id=identity)
        if is_new or not self.ledger.jobs.is_accepted(job.job_id):
            self._send(job)
        return job, is_new

    def job(self, job_id: str) -> JobRecord | None:
        """The job with this id; None if there is none."""
        return self.ledger.jobs.job(job_id)

    def jobs(self, query: JobQuery) -> list[JobRecord]:
        """The jobs that the query asks for, the newest first."""
        return self.ledger.jobs.jobs(query)

    def cancel(self, job_id: str, *, by: str) -> JobRecord | None:
        """Cancel a job that has not ended: at once, or, if it runs, by the next tick of its queue."""
        return self.ledger.jobs.cancel(job_id, by=by)

    def result_link(self, job: JobRecord) -> ResultLink | None:
        """A presigned link to the manifest of the job's result; None if it has none, or cannot be signed.

        It expires with the credentials that signed it, if they expire first.
        """
        if job.manifest is None or self.settings.jobs is None:
            return None
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._signed(*bucket_and_key(job.manifest), lifetime=self.settings.jobs.link_lifetime)
        except (BotoCoreError, ClientError) as error:  # no credentials, or a role that cannot be assumed
            log.warning("job %s: no link to its result (%s)", job.job_id, type(error).__name__)
            return None

    def _signed(self, bucket: str, key: str, *, lifetime: timedelta) -> ResultLink:
        client, credentials_expire_at = self.s3(bucket)
        now = self.clock()
        expires_at = now + lifetime
        if credentials_expire_at is not None:
            expires_at = min(expires_at, credentials_expire_at)
        seconds = max(int((expires_at - now).total_seconds()), 1)
        url = client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds
        )
        return ResultLink(url, now + timedelta(seconds=seconds))

    def _sender(self) -> Sender:
        """A sender for one request. Only the first asks the queue what it accepts."""
        sender = Sender(self.queue, limits=self._limits[0] if self._limits else None)
        if not self._limits:
            self._limits.append(sender.limits)
        return sender

    def _send(self, job: JobRecord) -> None:
        request = JobRequest(
            job.job_id, job.kind, job.input_json, job.requester, job.submitted_at, job.request_id
        )
        entry = {"Id": job.job_id, "MessageBody": request_text(request)}
        if self.queue.url.endswith(".fifo"):
            entry |= {"MessageGroupId": job.job_id, "MessageDeduplicationId": job.job_id}
        result = self._sender().send([entry])
        if result.failed:
            failed = result.failed[0]
            raise QueueUnavailable(self.queue.name, failed.message, code=failed.code)
        self.ledger.jobs.sent(job.job_id)


def new_job_id(now: datetime) -> str:
    """A random id that sorts by time: 12 hex digits of milliseconds, and 20 random ones."""
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(10)}"
