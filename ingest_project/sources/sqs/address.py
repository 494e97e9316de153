"""Finds a queue by what a person writes: its name in the settings, or its URL."""

from typing import TYPE_CHECKING

from ingest_project.errors import SettingsError
from ingest_project.sources.sqs.queue import Queue

if TYPE_CHECKING:
    from ingest_project.settings.model import QueueSettings, Settings
    from ingest_project.sources.aws import Aws

URL_STARTS = ("https://", "http://")


def opened_queue(address: str) -> Queue:
    """The queue of a URL, with boto3's default chain; or that of a name in the settings of this process.

    Raises SettingsError.
    """
    from ingest_project.settings.load import load_settings
    from ingest_project.settings.model import AwsSettings, Settings
    from ingest_project.sources.aws import Aws

    if address.startswith(URL_STARTS):
        settings = Settings.model_construct(aws=AwsSettings(), queues=[], tables=[])
    else:
        settings = load_settings()
    return queue_at(address, settings, Aws(settings.aws, settings.buckets))


def queue_at(address: str, settings: "Settings", aws: "Aws") -> Queue:
    """The queue of this name or URL, with the region and role of its entry in the settings, if it has one.

    Raises SettingsError if the settings do not have the name.
    """
    known = next((one for one in settings.queues if address in {one.name, one.url}), None)
    if known is None:
        known = _by_url(address, settings)
    return Queue(aws.of(known.access).sqs(), name=known.name, url=known.url)


def _by_url(address: str, settings: "Settings") -> "QueueSettings":
    from ingest_project.settings.model import QueueSettings

    if not address.startswith(URL_STARTS):
        names = ", ".join(one.name for one in settings.queues) or "none"
        raise SettingsError(
            [f"the settings have no queue {address!r}; known are {names}; a URL is taken too"]
        )
    return QueueSettings.model_construct(name=address.rstrip("/").rpartition("/")[2], url=address)
