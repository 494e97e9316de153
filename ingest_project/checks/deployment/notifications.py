"""Compares a table's route with its bucket's notifications: does S3 announce every object to the queue?

Both match keys by prefix and suffix,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html.
For events through SNS or EventBridge, `subscriptions.py` checks the configuration there.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote_plus

from ingest_project.checks.deployment.addresses import QueueAddress, quoted_json
from ingest_project.checks.deployment.finding import Finding, Level, ok, problem, warning
from ingest_project.settings.model import TableSettings

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
    """One rule of a bucket: which ObjectCreated events of which keys it sends to a queue or a topic."""

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

    def names(self, queue: QueueAddress) -> bool:
        """It goes to a queue of this account and name, in whichever region."""
        return self.destination_arn.split(":")[4:6] == [queue.account, queue.name]

    def goes_to(self, queue: QueueAddress) -> bool:
        """It goes to this queue."""
        return self.names(queue) and self.destination_arn.split(":")[3] == queue.region


class Forwarding(Protocol):
    """Checks what forwards events between a bucket and a queue."""

    def by_topic(self, table: TableSettings, queue: QueueAddress, topic_arn: str) -> Finding: ...

    def by_eventbridge(self, table: TableSettings, queue: QueueAddress) -> Finding: ...


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket's notifications, and `planned`: the same with the rules that tables lack, for one command."""

    configuration: "NotificationConfigurationResponseTypeDef"
    planned: dict[str, Any]
    forwarding: Forwarding


def check_routes(
    routes: Sequence[tuple[TableSettings, QueueAddress]],
    configuration: "NotificationConfigurationResponseTypeDef",
    forwarding: Forwarding,
) -> list[Finding]:
    """Whether the bucket sends ObjectCreated events of each table's whole route to the table's queue."""
    planned = _kept(configuration)
    for table, queue in routes:
        if not _is_announced(table, configuration):
            planned = _with_rule(planned, table, queue)
    bucket = _Bucket(configuration, planned, forwarding)
    return [_check_route(table, queue, bucket) for table, queue in routes]


def _check_route(table: TableSettings, queue: QueueAddress, bucket: _Bucket) -> Finding:
    to_queues = [rule for rule in _queue_rules(bucket.configuration) if rule.touches(table)]
    ours = [rule for rule in to_queues if rule.goes_to(queue)]
    found = [_judge(table, queue, bucket, ours)] if ours else []
    if not found or found[0].level is not Level.OK:
        found += _forwarded(table, queue, bucket)
    best = next((one for one in found if one.level is Level.OK), found[0] if found else None)
    return best or _not_sent(table, queue, bucket, to_queues)


def _is_announced(table: TableSettings, configuration: "NotificationConfigurationResponseTypeDef") -> bool:
    """Whether some key of the route is sent somewhere; S3 would refuse another rule for it."""
    rules = [*_queue_rules(configuration), *_topic_rules(configuration)]
    return "EventBridgeConfiguration" in configuration or any(rule.touches(table) for rule in rules)


def _forwarded(table: TableSettings, queue: QueueAddress, bucket: _Bucket) -> Iterator[Finding]:
    for rule in _topic_rules(bucket.configuration):
        if rule.touches(table):
            seen = bucket.forwarding.by_topic(table, queue, rule.destination_arn)
            yield seen if seen.level is not Level.OK or rule.covers(table) else _in_part(table, [rule])
    if "EventBridgeConfiguration" in bucket.configuration:
        yield bucket.forwarding.by_eventbridge(table, queue)


def _not_sent(
    table: TableSettings, queue: QueueAddress, bucket: _Bucket, to_queues: Sequence[Announcement]
) -> Finding:
    said = f"{table.bucket} does not send events of {table.source} to queue {table.queue}, {queue.arn}"
    if not to_queues:
        return problem(CHECK, table.name, said, _put(table, bucket.planned))
    others = ", ".join(rule.destination_arn for rule in to_queues)
    if any(rule.names(queue) for rule in to_queues):
        remedy = f"correct the queue's url or region in ingest.yaml, if {others} is meant"
        there = f"{said}, but to the one of this name in another region: {others}"
        return problem(CHECK, table.name, there, remedy)
    remedy = (
        "S3 sends an event to one place only: send to an SNS topic or EventBridge that serves both queues, "
        f"or let the rule name {queue.arn}"
    )
    return problem(CHECK, table.name, f"{said}, but to {others}", remedy)


def _judge(
    table: TableSettings, queue: QueueAddress, bucket: _Bucket, ours: Sequence[Announcement]
) -> Finding:
    covering = [rule for rule in ours if rule.covers(table)]
    if not covering:
        return _in_part(table, ours)
    missing = _CREATED.difference(*(rule.events for rule in covering))
    if missing:
        return warning(
            CHECK,
            table.name,
            f"objects of {table.source} written by {_kinds(missing)} are not sent to queue {table.queue}",
            _put(table, _with_all_events(bucket.planned, queue)),
        )
    return ok(CHECK, table.name, f"{table.source} goes to queue {table.queue}")


def _in_part(table: TableSettings, rules: Sequence[Announcement]) -> Finding:
    parts = ", ".join(f"{rule.prefix}*{rule.suffix}" for rule in rules)
    return warning(
        CHECK,
        table.name,
        f"of {table.source} only {parts} are sent to queue {table.queue}; other objects are not announced",
        f"in the rule for {rules[0].destination_arn} set prefix {table.prefix!r} and suffix "
        f"{table.suffix!r}, or narrow the table's prefix and suffix",
    )


def _put(table: TableSettings, configuration: dict[str, Any]) -> str:
    """The command that sets the whole configuration, including the existing rules."""
    return (
        f"aws s3api put-bucket-notification-configuration --bucket {table.bucket} "
        f"--notification-configuration {quoted_json(configuration)}"
    )


def _with_rule(configuration: dict[str, Any], table: TableSettings, queue: QueueAddress) -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": table.prefix}, {"Name": "suffix", "Value": table.suffix}]
    rule: dict[str, Any] = {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}
    if filled := [one for one in rules if one["Value"]]:
        rule["Filter"] = {"Key": {"FilterRules": filled}}
    return {**configuration, "QueueConfigurations": [*configuration.get("QueueConfigurations", []), rule]}


def _with_all_events(configuration: dict[str, Any], queue: QueueAddress) -> dict[str, Any]:
    """Rules for the queue with one filter become one, as S3 refuses two rules for one event."""
    rules: dict[str, dict[str, Any]] = {}
    for place, rule in enumerate(configuration["QueueConfigurations"]):
        created = [event for event in rule["Events"] if event.startswith("s3:ObjectCreated:")]
        ours = rule["QueueArn"] == queue.arn and created
        key = json.dumps(rule.get("Filter"), sort_keys=True) if ours else str(place)
        others = [event for event in rule["Events"] if event not in created]
        rules.setdefault(key, {**rule, "Events": ["s3:ObjectCreated:*", *others]} if ours else rule)
    return {**configuration, "QueueConfigurations": list(rules.values())}


def _kept(configuration: "NotificationConfigurationResponseTypeDef") -> dict[str, Any]:
    return {key: value for key, value in configuration.items() if key != "ResponseMetadata"}


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
