"""A queue whose messages are S3 event notifications: each claims the object versions that it names."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest_project.errors import NotAnS3Event, UnroutableObject
from ingest_project.sources.reasons import first_reasons
from ingest_project.sources.routing import RoutedObject, Router
from ingest_project.sources.s3.markers import is_marker
from ingest_project.sources.s3.notification import check_time, parse_notification
from ingest_project.sources.source import Claim
from ingest_project.sources.sqs.message import Message


@dataclass(frozen=True, slots=True)
class S3Events:
    """The source of one queue with S3's events."""

    queue: str
    router: Router

    def in_order(self, messages: Sequence[Message]) -> list[Message]:
        """The shortest messages first: those that name the most objects had better wait."""
        return sorted(messages, key=lambda one: len(one.body))

    def claim(self, message: Message) -> Claim:
        """What a message names, with the first reasons for parts that are not ours.

        Folder markers and job marks that no table takes are ignored.
        """
        try:
            notification = parse_notification(message.body)
        except NotAnS3Event as error:
            return Claim(message, (), (str(error),))
        routed: list[RoutedObject] = []
        rejected = [record.reason for record in notification.rejected]
        for item in notification.objects:
            try:
                check_time(item, sent_at=message.sent_at)
                routed.append(self.router.route(self.queue, item))
            except NotAnS3Event as error:
                rejected.append(str(error))
            except UnroutableObject as error:
                if not is_marker(item.key, item.size_bytes):  # a marker never has rows
                    rejected.append(str(error))
        return Claim(message, tuple(routed), first_reasons(rejected))
