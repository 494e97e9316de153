"""A queue whose messages ask for jobs: each names one, as an object version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest_project.errors import NotAJobRequest
from ingest_project.settings.job_settings import JobsSettings, job_table
from ingest_project.settings.message_tables import QUEUE_SCHEME
from ingest_project.sources.jobs.request import (
    QUEUE_REQUESTER,
    JobRequest,
    WrittenRequest,
    digest_of,
    parse_request,
)
from ingest_project.sources.messages.raw_messages import original_id
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message

Validate = Callable[[str, str], str | None]
"""From kind and input to why the input is not valid; None: it is."""


@dataclass(frozen=True, slots=True)
class JobRequests:
    """The source of the queue with `source: jobs`.

    `recorded` gives the request with this id, if the API has recorded it. What else is on the queue is
    somebody else's request, under an id that follows from its idempotency key or its message.
    """

    queue: str
    jobs: JobsSettings
    recorded: Callable[[str], JobRequest | None]
    validate: Validate

    def in_order(self, messages: Sequence[Message]) -> list[Message]:
        """The oldest first."""
        return sorted(messages, key=lambda one: one.sent_at)

    def claim(self, message: Message) -> Claim:
        """The job that the message asks for; it is rejected if it does not ask for one that may run."""
        try:
            request = self._request(message)
        except NotAJobRequest as error:
            return Claim(message, (), (str(error),))
        return Claim(message, (routed_job(self.queue, request),))

    def _request(self, message: Message) -> JobRequest:
        written = parse_request(message.body)
        known = self.recorded(job_id := self._job_id(message, written))
        if known is not None:
            if (known.kind, known.input_json) != (written.kind, written.input_json):
                raise NotAJobRequest(f"job {job_id} asks for something else; use another idempotency_key")
            return known
        if written.kind not in self.jobs.names:
            raise NotAJobRequest(f"there is no job {written.kind}; there are {', '.join(self.jobs.names)}")
        if reason := self.validate(written.kind, written.input_json):
            raise NotAJobRequest(f"its input is not valid: {reason}")
        return JobRequest(
            job_id, written.kind, written.input_json, QUEUE_REQUESTER, message.sent_at, written.request_id
        )

    def _job_id(self, message: Message, written: WrittenRequest) -> str:
        """The id that the API gave, if it did; else one that is the same for each delivery and redrive."""
        if written.job_id is not None and self.recorded(written.job_id) is not None:
            return written.job_id
        if written.idempotency_key is not None:
            return digest_of("key", self.queue, written.idempotency_key)
        return digest_of("message", self.queue, original_id(message))


def routed_job(queue: str, request: JobRequest) -> RoutedObject:
    """A job as what a batch is made of: its id is the key, its digest the version."""
    version = ObjectVersion(
        bucket=f"{QUEUE_SCHEME}{queue}",
        key=request.job_id,
        size_bytes=len(request.input_json),
        event_time=request.at,
        etag=request.digest,
    )
    return RoutedObject(version, job_table(request.kind), None, request=request)
