"""Explains S3's refusals if the settings name the bucket's owner: another owner, or a missing permission."""

from botocore.exceptions import BotoCoreError, ClientError

from ingest_project.errors import ObjectError, ObjectForbidden
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3.s3_faults import boto3_fault


def told(aws: Aws, bucket: str, fault: ObjectError) -> ObjectError:
    """The fault, with what is known about the owner: S3 answers 403 both for another owner and a refusal."""
    owner = aws.bucket(bucket).expected_owner
    if owner is None or not isinstance(fault, ObjectForbidden):
        return fault
    if aws.is_owned_by_another(bucket):
        reason = f"another account owns the bucket, not {owner}, its `expected_owner` in `buckets`"
    else:
        reason = f"{fault.reason}; if permissions are right, another account than {owner} owns the bucket"
    return ObjectForbidden(fault.uri, reason)


def told_by_boto3(aws: Aws, bucket: str, uri: str, error: ClientError | BotoCoreError) -> ObjectError:
    """This project's error for what boto3 raised about the object or prefix at `uri`."""
    return told(aws, bucket, boto3_fault(uri, error))
