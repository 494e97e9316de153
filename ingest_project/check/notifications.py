"""Compares a table's route with its bucket's notification configuration: does S3 announce every object to the queue?

Both match keys by prefix and suffix, https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html.
What goes through SNS or EventBridge is lost to sight there: who subscribes is configured elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit

from ingest_project.check.finding import Finding, ok, problem, warning
from ingest_project.settings.model import QueueSettings, TableSettings

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        NotificationConfigurationFilterOutputTypeDef,
        NotificationConfigurationResponseTypeDef,
    )

CHECK = "notifications"
_CREATED = frozenset(
    f"s3:ObjectCreated:{kind}" for kind in ("Put", "Post", "Copy", "CompleteMultipartUpload")
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """One rule of a bucket: which kinds of ObjectCreated events of which keys it sends to a queue or a topic."""

    destination_arn: str
    events: frozenset[str]
    prefix: str
    suffix: str

    def covers(self, table: TableSettings) -> bool:
        """Every key of the table's route matches."""
        return table.prefix.startswith(self.prefix) and table.suffix.endswith(self.suffix)

    def touches(self, table: TableSettings) -> bool:
        """Some keys of the table's route match."""
        prefixes = self.prefix.startswith(table.prefix) or table.prefix.startswith(self.prefix)
        suffixes = self.suffix.endswith(table.suffix) or table.suffix.endswith(self.suffix)
        return prefixes and suffixes

    def goes_to(self, queue: QueueSettings) -> bool:
        """By account and name, which a queue's URL and its ARN share; S3 allows no queue of another region."""
        return self.destination_arn.split(":")[4:6] == urlsplit(queue.url).path.rstrip("/").split("/")[-2:]


def check_route(
    table: TableSettings, queue: QueueSettings, configuration: "NotificationConfigurationResponseTypeDef"
) -> Finding:
    """Whether the bucket sends ObjectCreated events of every key of the table's route to its queue."""
    to_queues = [rule for rule in _queue_rules(configuration) if rule.touches(table)]
    ours = [rule for rule in to_queues if rule.goes_to(queue)]
    if ours:
        return _judge(table, queue, ours)
    topics = [rule.destination_arn for rule in _topic_rules(configuration) if rule.touches(table)]
    if topics:
        return _unseen(
            table, queue, f"SNS topic {', '.join(topics)}", "the topic has a subscription for the queue"
        )
    if "EventBridgeConfiguration" in configuration:
        return _unseen(table, queue, "EventBridge", "a rule for Object Created has the queue as its target")
    others = ", ".join(rule.destination_arn for rule in to_queues)
    return problem(
        CHECK,
        table.name,
        f"{table.bucket} does not send events of {table.source} to queue {queue.name}"
        + (f", but to {others}" if others else ""),
        f"add to the notification configuration of {table.bucket} events s3:ObjectCreated:* with prefix "
        f"{table.prefix!r} and suffix {table.suffix!r} to {queue.url} "
        "(`aws s3api put-bucket-notification-configuration` replaces all of it: get the old one first)",
    )


def _judge(table: TableSettings, queue: QueueSettings, ours: Sequence[Announcement]) -> Finding:
    covering = [rule for rule in ours if rule.covers(table)]
    if not covering:
        parts = ", ".join(f"{rule.prefix}*{rule.suffix}" for rule in ours)
        return warning(
            CHECK,
            table.name,
            f"of {table.source} only {parts} are sent to queue {queue.name}; other objects stay unknown",
            "widen the filter in the bucket's notification configuration, or narrow the table's prefix and suffix",
        )
    missing = _CREATED.difference(*(rule.events for rule in covering))
    if missing:
        return warning(
            CHECK,
            table.name,
            f"objects of {table.source} written by {_kinds(missing)} are not sent to queue {queue.name}",
            "let the bucket's notification configuration send s3:ObjectCreated:*",
        )
    return ok(CHECK, table.name, f"{table.source} goes to queue {queue.name}")


def _unseen(table: TableSettings, queue: QueueSettings, way: str, to_see: str) -> Finding:
    return warning(
        CHECK,
        table.name,
        f"{table.source} goes to {way}; whether it goes on to queue {queue.name} cannot be seen from here",
        f"see that {to_see}, and that the queue's policy lets it send",
    )


def _queue_rules(configuration: "NotificationConfigurationResponseTypeDef") -> Iterator[Announcement]:
    for rule in configuration.get("QueueConfigurations", []):
        yield from _announcement(rule["QueueArn"], rule["Events"], rule.get("Filter"))


def _topic_rules(configuration: "NotificationConfigurationResponseTypeDef") -> Iterator[Announcement]:
    for rule in configuration.get("TopicConfigurations", []):
        yield from _announcement(rule["TopicArn"], rule["Events"], rule.get("Filter"))


def _announcement(
    arn: str, events: Sequence[str], key_filter: "NotificationConfigurationFilterOutputTypeDef | None"
) -> Iterator[Announcement]:
    created = _CREATED if "s3:ObjectCreated:*" in events else _CREATED.intersection(events)
    if not created:
        return
    # S3 says `Prefix` in its answers and `prefix` in its documents; values are form-encoded.
    rules = key_filter.get("Key", {}).get("FilterRules", []) if key_filter else []
    values = {rule["Name"].lower(): unquote_plus(rule["Value"]) for rule in rules}
    yield Announcement(arn, created, values.get("prefix", ""), values.get("suffix", ""))


def _kinds(events: frozenset[str]) -> str:
    return ", ".join(sorted(event.rpartition(":")[2] for event in events))
