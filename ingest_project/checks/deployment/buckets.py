"""Checks a bucket: its owner, its region, its versioning, and whether it announces its objects."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from ingest_project.checks.deployment.addresses import QueueAddress, bucket_arn
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.keys import check_keys
from ingest_project.checks.deployment.notifications import CHECK, check_routes
from ingest_project.checks.deployment.refusal import AWS_FAULTS, is_denied, remedy_for, unseen, words_of
from ingest_project.checks.deployment.subscriptions import Subscriptions
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings


def check_bucket(services: Services, bucket: str) -> list[Finding]:
    """Whether the bucket answers, and whether its events reach the queue of each table that reads from it."""
    try:
        aws = services.aws.of_bucket(bucket)
        region = aws.region
        answer = services.aws.s3(bucket).head_bucket(Bucket=bucket)
    except AWS_FAULTS as error:
        return [_no_answer(services, bucket, error)]
    if (named := answer.get("BucketRegion", region)) != region:
        return [_elsewhere(bucket, region, named)]
    tables = [table for table in services.settings.tables if table.bucket == bucket]
    return [
        ok("bucket", bucket, f"may be listed, in {region}{_owner_of(services, bucket)}"),
        *_versioning(services, bucket, tables),
        *_check_routes(services, bucket, tables),
        *(check_keys(services, table) for table in tables),
    ]


def check_unused(services: Services) -> list[Finding]:
    """A warning for each entry of `buckets` that no table uses; it may be meant for `ingest preview`."""
    used = {table.bucket for table in services.settings.tables}
    remedy = "correct its name, remove the entry, or leave it if it is for `ingest preview`"
    return [
        warning("bucket", one.name, "has an entry in `buckets`, and no table reads from it", remedy)
        for one in services.settings.buckets
        if one.name not in used
    ]


def _no_answer(services: Services, bucket: str, error: Exception) -> Finding:
    owner = services.aws.bucket(bucket).expected_owner
    if isinstance(error, ClientError):
        region = services.aws.of_bucket(bucket).region
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        named = headers.get("x-amz-bucket-region", region)
        if named != region:
            return _elsewhere(bucket, region, named)
        if is_denied(error) and services.aws.is_owned_by_another(bucket):
            said = (
                f"another account owns the bucket, not {owner}, its `expected_owner`: no object of it is read"
            )
            return problem(
                "bucket", bucket, said, "correct buckets[].expected_owner, or find out who created the bucket"
            )
    remedy = remedy_for(
        error,
        permission="s3:ListBucket",
        resource=f"arn:aws:s3:::{bucket}",
        if_absent=f"create it, or correct tables[].bucket ({bucket})",
    )
    if owner is not None and is_denied(error):
        remedy += f"; if that is granted, another account than {owner} owns the bucket"
    return problem("bucket", bucket, words_of(error), remedy)


def _elsewhere(bucket: str, region: str, named: str) -> Finding:
    said = f"it is in {named}, but the settings say {region}: every process is redirected first"
    return warning(
        "region", bucket, said, f"add to ingest.yaml: buckets: [{{name: {bucket}, region: {named}}}]"
    )


def _owner_of(services: Services, bucket: str) -> str:
    owner = services.aws.bucket(bucket).expected_owner
    return "" if owner is None else f", and account {owner} owns it"


def _versioning(services: Services, bucket: str, tables: list[TableSettings]) -> Iterator[Finding]:
    """Without versions a write that is overwritten before it is read is lost.

    Only `replace` does not need it.
    """
    need = [table for table in tables if table.on_overwrite != "replace"]
    if not need:
        return
    names = ", ".join(f"{table.name} ({table.on_overwrite})" for table in need)
    arn = bucket_arn(bucket, services.aws.of_bucket(bucket).region)
    try:
        status = services.aws.s3(bucket).get_bucket_versioning(Bucket=bucket).get("Status")
    except AWS_FAULTS as error:
        what = "whether it keeps versions"
        yield unseen("versioning", bucket, error, what, permission="s3:GetBucketVersioning", resource=arn)
        return
    if status != "Enabled":
        yield warning(
            "versioning",
            bucket,
            f"versioning is off: a write that is overwritten before it is read is lost for {names}",
            f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled",
        )


def _check_routes(services: Services, bucket: str, tables: list[TableSettings]) -> list[Finding]:
    settings = services.settings
    arn = bucket_arn(bucket, services.aws.of_bucket(bucket).region)
    try:
        configuration = services.aws.s3(bucket).get_bucket_notification_configuration(Bucket=bucket)
    except AWS_FAULTS as error:
        what = "whether it announces new objects"
        return [unseen(CHECK, bucket, error, what, permission="s3:GetBucketNotification", resource=arn)]
    queues = [settings.queue(table.queue) for table in tables]
    addresses = [QueueAddress(queue.url, services.aws.of(queue.access).region) for queue in queues]
    routes = list(zip(tables, addresses, strict=True))
    return check_routes(routes, configuration, Subscriptions(services.aws))
