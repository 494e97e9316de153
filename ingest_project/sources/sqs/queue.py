"""One SQS queue: an object's journey begins here and ends here after its rows are committed."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from ingest_project.errors import QueueRefused
from ingest_project.sources.sqs.drain import Drain
from ingest_project.sources.sqs.entries import EntryCalls
from ingest_project.sources.sqs.faults import judged, translated
from ingest_project.sources.sqs.message import (
    EntryResults,
    Message,
    MessageAttribute,
    QueueAttributes,
    Receipt,
)
from ingest_project.sources.sqs.send_entries import SendLimits

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchResultTypeDef,
        DeleteMessageBatchResultTypeDef,
        MessageAttributeValueOutputTypeDef,
        MessageTypeDef,
        SendMessageBatchResultTypeDef,
    )

NEEDED: Final["list[MessageSystemAttributeNameType]"] = ["ApproximateReceiveCount", "SentTimestamp"]

logger = logging.getLogger(__name__)


class Queue:
    """A queue by its name in the settings and its URL. Safe to share among threads.

    With `whole_messages` it receives the attributes of messages too, which notifications of S3 do not need.

    Every method raises QueueUnavailable if SQS cannot be reached or refuses the call as a whole, after boto3
    has retried transient errors.
    """

    def __init__(
        self,
        client: "SQSClient",
        *,
        name: str,
        url: str,
        whole_messages: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.url = url
        self._client = client
        self._sleep = sleep
        self._system_attributes: list[MessageSystemAttributeNameType] = ["All"] if whole_messages else NEEDED
        self._message_attributes = ["All"] if whole_messages else []

    def receive(
        self, *, limit: int, wait_seconds: int, visibility_timeout_seconds: int, seconds: float
    ) -> list[Message]:
        """Up to `limit` messages: as many as the queue returns within about `seconds`.

        Waits `wait_seconds` (0 to 20) for the first message; an empty list means that none came. Then
        receives in parallel until `limit`, the time, bodies of 64 MiB, or three empty answers in a row; the
        last call may take a second longer than `seconds`. A message that was received twice is returned once,
        with its newest receipt. An error after the first answer ends the drain early and is logged; if it
        lasts, the next call raises it.
        """

        return self._drain(limit, visibility_timeout_seconds, seconds).run(wait_seconds)

    def receive_parts(
        self, *, limit: int, wait_seconds: int, visibility_timeout_seconds: int, seconds: float, part: int
    ) -> Iterator[list[Message]]:
        """The messages of `receive` in parts of about `part`, while later ones are still received.

        A message that was received twice may be in two parts; the later one has its newest receipt.
        """
        yield from self._drain(limit, visibility_timeout_seconds, seconds).parts(wait_seconds, size=part)

    def _drain(self, limit: int, visibility_timeout_seconds: int, seconds: float) -> Drain:
        def poll(count: int, wait: int) -> list[Message]:
            return self._receive_once(count, wait, visibility_timeout_seconds)

        return Drain(poll, queue=self.name, limit=limit, seconds=seconds)

    def delete(self, receipts: Sequence[Receipt]) -> EntryResults:
        """Deletes messages, ten per call, with calls in parallel.

        Idempotent: deleting again succeeds. A receipt that SQS no longer accepts is a failed entry with SQS's
        code. For a receipt older than the newest one, SQS may report success although it keeps the message.
        """

        def send(batch: Sequence[Receipt]) -> "DeleteMessageBatchResultTypeDef":
            with translated(self.name):
                return self._client.delete_message_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {"Id": str(position), "ReceiptHandle": receipt.receipt_handle}
                        for position, receipt in enumerate(batch)
                    ],
                )

        return EntryCalls(send, self._sleep).run(receipts)

    def change_visibility(self, receipts: Sequence[Receipt], *, timeout_seconds: int) -> EntryResults:
        """Hides messages for `timeout_seconds` (0 to 43,200) from now; 0 makes them visible at once.

        SQS allows at most 12 hours from the receive: a later time is a failed entry, as is a message that is
        no longer in flight.
        """

        def send(batch: Sequence[Receipt]) -> "ChangeMessageVisibilityBatchResultTypeDef":
            with translated(self.name):
                return self._client.change_message_visibility_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {
                            "Id": str(position),
                            "ReceiptHandle": receipt.receipt_handle,
                            "VisibilityTimeout": timeout_seconds,
                        }
                        for position, receipt in enumerate(batch)
                    ],
                )

        return EntryCalls(send, self._sleep).run(receipts)

    def send_messages(self, entries: Sequence[Mapping[str, Any]]) -> "SendMessageBatchResultTypeDef":
        """One SendMessageBatch with up to ten entries, in SQS's own form; SQS answers for each.

        `send.py` packs entries into such calls. Raises QueueUnavailable, or QueueRefused if another call
        would be refused too.
        """
        with judged(self.name):
            return self._client.send_message_batch(QueueUrl=self.url, Entries=cast("Any", entries))

    def send_limits(self) -> SendLimits:
        """What the queue accepts.

        A sender of a standard queue may lack the permission `sqs:GetQueueAttributes`: then SQS's own limits
        count. A FIFO queue needs it, because only the queue knows how it finds duplicates.
        """
        names: list[Any] = ["MaximumMessageSize", "FifoQueue", "ContentBasedDeduplication"]
        try:
            with judged(self.name):
                # A standard queue refuses a request that names the attributes of FIFO queues only.
                names = names if self.url.endswith(".fifo") else names[:1]
                found = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        except QueueRefused as error:
            if not error.code.startswith("AccessDenied") or self.url.endswith(".fifo"):
                raise
            logger.warning("%s; SQS's own limits are used", error)
            return SendLimits()
        values = found.get("Attributes", {})
        return SendLimits(
            max_message_bytes=int(values.get("MaximumMessageSize", SendLimits().max_message_bytes)),
            is_fifo=values.get("FifoQueue") == "true" or self.url.endswith(".fifo"),
            deduplicates_by_content=values.get("ContentBasedDeduplication") == "true",
        )

    def attributes(self) -> QueueAttributes:
        """The queue's counts, which SQS calls approximate, and its redrive policy, if it has one."""
        with translated(self.name):
            response = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        values = response["Attributes"]
        redrive = json.loads(values.get("RedrivePolicy") or "{}")
        return QueueAttributes(
            arn=values["QueueArn"],
            visible=int(values["ApproximateNumberOfMessages"]),
            in_flight=int(values["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(values["ApproximateNumberOfMessagesDelayed"]),
            visibility_timeout_seconds=int(values["VisibilityTimeout"]),
            dlq_arn=redrive.get("deadLetterTargetArn"),
            # SQS returns the count as it was set, which may be as text.
            max_receive_count=int(redrive["maxReceiveCount"]) if "maxReceiveCount" in redrive else None,
        )

    def dead_letter_queue(self) -> "Queue | None":
        """The queue that this one's redrive policy names; None if it has none.

        SQS requires both to be in one account and region, so they use the same client. It receives whole
        messages, which a redrive sends again.
        """
        arn = self.attributes().dlq_arn
        if arn is None:
            return None
        account, name = arn.split(":")[4:6]
        with translated(self.name):
            url = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        return Queue(self._client, name=name, url=url, whole_messages=True, sleep=self._sleep)

    def _receive_once(self, count: int, wait_seconds: int, visibility_timeout_seconds: int) -> list[Message]:
        with translated(self.name):
            response = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=count,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=visibility_timeout_seconds,
                MessageSystemAttributeNames=self._system_attributes,
                MessageAttributeNames=self._message_attributes,
            )
        received_at = datetime.now(UTC)
        return [_message(raw, received_at) for raw in response.get("Messages", [])]


def _message(raw: "MessageTypeDef", received_at: datetime) -> Message:
    attributes = raw["Attributes"]
    return Message(
        message_id=raw["MessageId"],
        receipt_handle=raw["ReceiptHandle"],
        body=raw["Body"],
        receive_count=int(attributes["ApproximateReceiveCount"]),
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
        received_at=received_at,
        attributes={str(name): text for name, text in attributes.items()},
        message_attributes={
            name: _attribute(value) for name, value in raw.get("MessageAttributes", {}).items()
        },
        md5_of_body=raw.get("MD5OfBody"),
        md5_of_message_attributes=raw.get("MD5OfMessageAttributes"),
    )


def _attribute(raw: "MessageAttributeValueOutputTypeDef") -> MessageAttribute:
    texts, binaries = raw.get("StringListValues"), raw.get("BinaryListValues")
    return MessageAttribute(
        data_type=raw["DataType"],
        string_value=raw.get("StringValue"),
        binary_value=raw.get("BinaryValue"),
        string_list_values=tuple(texts) if texts else None,
        binary_list_values=tuple(binaries) if binaries else None,
    )
