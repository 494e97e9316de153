"""Publishes alerts: in the log of the sensor that found them, and to the SNS topic of `alerts`, if any."""

from typing import Protocol

from ingest_project.errors import IngestError
from ingest_project.services import Services

LONGEST_SUBJECT = 100
"""The limit of SNS, which also allows only ASCII without line ends
(https://docs.aws.amazon.com/sns/latest/api/API_Publish.html)."""


class Log(Protocol):
    """What a sensor's context logs with."""

    def error(self, msg: str) -> None: ...


def publish(log: Log, services: Services, subject: str, message: str) -> str | None:
    """Report to the log and to the topic; gives the topic's error, without secrets, or None."""
    alerts = services.settings.alerts
    subject = subject.encode("ascii", "replace").decode()[:LONGEST_SUBJECT]
    if alerts.log:
        log.error(f"{subject}\n{message}")
    if alerts.sns_topic_arn is None:
        return None
    region = alerts.sns_topic_arn.split(":")[3]
    try:
        services.aws.sns(region).publish(TopicArn=alerts.sns_topic_arn, Subject=subject, Message=message)
    except IngestError as error:
        return str(error)
    except Exception as error:  # botocore's, which is not imported here; its text may contain secrets
        return type(error).__name__
    return None
