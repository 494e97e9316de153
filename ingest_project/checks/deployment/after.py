"""Checks what `after` of a table needs: the place that objects are moved to, and the permissions.

Permissions cannot be tried without tagging or deleting something, so IAM is asked to simulate them.
"""

from collections.abc import Iterator

from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.checks.deployment.simulation import Wanted, missing_permissions
from ingest_project.services import Services
from ingest_project.settings.after_settings import bucket_and_prefix
from ingest_project.settings.model import TableSettings

CHECK = "after"
OF_SOURCE = {
    "tag": ("s3:GetObject", "s3:GetObjectTagging", "s3:PutObjectTagging"),
    "delete": ("s3:GetObject", "s3:DeleteObject"),
    "move": ("s3:GetObject", "s3:GetObjectTagging", "s3:DeleteObject"),
}
OF_VERSIONS = {
    "tag": ("s3:GetObjectVersionTagging", "s3:PutObjectVersionTagging"),
    "delete": (),
    "move": ("s3:GetObjectVersion", "s3:GetObjectVersionTagging"),
}
"""Needed too in a bucket that keeps versions; a policy that grants them does no harm in another."""
OF_TARGET = ("s3:GetObject", "s3:PutObject", "s3:PutObjectTagging")


def check_after(services: Services, table: TableSettings) -> list[Finding]:
    """Whether the action of the table's `after` is possible, as far as it can be seen."""
    kind = table.after.kind
    if kind is None:
        return []
    actions = (*OF_SOURCE[kind], *OF_VERSIONS[kind])
    found = list(_permissions(services, table, table.bucket, f"{table.prefix}*", actions))
    if table.after.move is not None:
        bucket, prefix = bucket_and_prefix(table.after.move)
        found += _target(services, table, bucket)
        found += _permissions(services, table, bucket, f"{prefix}*", OF_TARGET)
    return found or [ok(CHECK, table.name, f"{kind}: allowed by IAM's policies")]


def _target(services: Services, table: TableSettings, bucket: str) -> Iterator[Finding]:
    try:
        services.aws.s3(bucket).head_bucket(Bucket=bucket)
    except AWS_FAULTS as error:
        arn = f"arn:aws:s3:::{bucket}"
        remedy = remedy_for(
            error,
            permission="s3:ListBucket",
            resource=arn,
            if_absent=f"create it, or correct after.move of {table.name}",
        )
        said = f"objects cannot be moved to {bucket}: {words_of(error)}"
        yield problem(CHECK, table.name, said, remedy)


def _permissions(
    services: Services, table: TableSettings, bucket: str, keys: str, actions: tuple[str, ...]
) -> Iterator[Finding]:
    """What IAM does not allow the identity that is used for the bucket."""
    try:
        place = services.aws.of_bucket(bucket)
    except AWS_FAULTS as error:
        yield warning(CHECK, table.name, words_of(error), "correct the settings of the bucket")
        return
    remedy = "remove the denial, or set `after: keep`"
    resource = f"arn:aws:s3:::{bucket}/{keys}"
    wanted = Wanted(CHECK, table.name, str(table.after.kind), actions, resource, remedy, is_needed=True)
    yield from missing_permissions(place, wanted)
