"""The region and role for a queue or a bucket: those of `aws`, or of its own entry."""

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ingest_project.settings.names import AccountId, Bucket, Region, RoleArn
from ingest_project.settings.strict import Strict

_QUEUE_HOST = re.compile(
    r"(?:[^/]+\.)?sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)"
    r"|(?P<legacy>[a-z0-9-]+)\.queue\.amazonaws\.com(?:\.cn)?"
    r"|(?P<oldest>queue\.amazonaws\.com)"
)
"""https://docs.aws.amazon.com/general/latest/gr/sqs-service.html, and endpoints of a VPC."""


class AwsAccess(Strict):
    """A region and a role to assume. What is left out comes from `aws`, then from boto3's default chain.

    The credentials of boto3's default chain assume the role, instead of `aws.role_arn`, not after it.
    """

    region: Region | None = None
    role_arn: RoleArn | None = None
    external_id: str | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _external_id_needs_a_role(self) -> Self:
        if self.external_id is not None and self.role_arn is None:
            raise ValueError(
                "external_id is set without role_arn; add the role to assume, or remove external_id"
            )
        return self


class BucketSettings(AwsAccess):
    """The access to one bucket, if it differs from `aws`.

    With `expected_owner`, every request names this account, and S3 refuses it (403) if another account owns
    the bucket: a bucket that was deleted, and created again by another account, is not read.
    """

    name: Bucket
    expected_owner: AccountId | None = None


def region_of_queue(url: str) -> str | None:
    """The region that a queue's URL names; None if the host is not AWS's."""
    found = _QUEUE_HOST.fullmatch(urlsplit(url).hostname or "")
    if found is None:
        return None
    return "us-east-1" if found["oldest"] else found["region"] or found["legacy"]
