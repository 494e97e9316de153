"""A bucket in the emulator, and a store that reads it."""

from typing import TYPE_CHECKING

import boto3
import pytest

from ingest_project.aws import Aws
from ingest_project.objects.fetch.store import ObjectStore
from ingest_project.settings.model import AwsSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(aws: str) -> "S3Client":
    client = boto3.client("s3")
    client.create_bucket(Bucket="landing")
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def store(s3: "S3Client") -> ObjectStore:
    return ObjectStore(Aws(AwsSettings()))
