"""Names of queues and buckets for AWS's policies and commands: ARNs, accounts, regions, quoted JSON."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """The queue's URL, and the region of its requests."""

    url: str
    region: str

    @property
    def account(self) -> str:
        """Empty if the URL does not name one."""
        return self._path[-2] if len(self._path) > 1 else ""

    @property
    def name(self) -> str:
        return self._path[-1]

    @property
    def arn(self) -> str:
        return f"arn:{partition_of(self.region)}:sqs:{self.region}:{self.account}:{self.name}"

    @property
    def is_fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def _path(self) -> list[str]:
        return urlsplit(self.url).path.rstrip("/").split("/")

    def set_attributes(self, attributes: Mapping[str, str]) -> str:
        """The command that sets these attributes."""
        return set_attributes(self.url, self.region, attributes)


def set_attributes(url: str, region: str, attributes: Mapping[str, str]) -> str:
    """The command that sets attributes of the queue at this URL."""
    return (
        f"aws sqs set-queue-attributes --region {region} --queue-url {shlex.quote(url)} "
        f"--attributes {quoted_json(attributes)}"
    )


def quoted_json(value: Mapping[str, Any]) -> str:
    """JSON, quoted as one word for a shell."""
    return shlex.quote(json.dumps(value))


def bucket_arn(bucket: str, region: str) -> str:
    """The ARN of a bucket, which names neither its region nor its account."""
    return f"arn:{partition_of(region)}:s3:::{bucket}"


def partition_of(region: str) -> str:
    """AWS's own partition of its regions: `aws`, `aws-cn`, `aws-us-gov`."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
