"""Checks a bucket, where the objects lie: it may be listed, and announces its new objects to the tables' queues."""

from ingest_project.check.finding import Finding, ok, problem, warning
from ingest_project.check.notifications import CHECK, check_route
from ingest_project.check.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.services import Services


def check_bucket(services: Services, bucket: str) -> list[Finding]:
    """Whether the bucket answers, and for each table that reads from it, whether its events reach the table's queue."""
    try:
        services.aws.s3().head_bucket(Bucket=bucket)
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="s3:ListBucket",
            resource=f"arn:aws:s3:::{bucket}",
            if_absent=f"create it, or correct tables[].bucket ({bucket})",
        )
        return [problem("bucket", bucket, words_of(error), remedy)]
    return [ok("bucket", bucket, "may be listed"), *_check_routes(services, bucket)]


def _check_routes(services: Services, bucket: str) -> list[Finding]:
    settings = services.settings
    try:
        configuration = services.aws.s3().get_bucket_notification_configuration(Bucket=bucket)
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="s3:GetBucketNotification",
            resource=f"arn:aws:s3:::{bucket}",
            if_absent="look again: the bucket was deleted just now",
        )
        said = f"cannot see whether it announces new objects: {words_of(error)}"
        return [warning(CHECK, bucket, said, remedy)]
    return [
        check_route(table, settings.queue(table.queue), configuration)
        for table in settings.tables
        if table.bucket == bucket
    ]
