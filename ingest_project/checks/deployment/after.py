"""Checks what `after` of a table needs: the place that objects are moved to, and the permissions.

Permissions cannot be tried without tagging or deleting something, so IAM is asked to simulate them.
"""

from collections.abc import Iterator
from typing import Any

from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS, is_denied, remedy_for, words_of
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
    """What IAM does not allow the identity that is used for the bucket. Policies of buckets are not seen."""
    resource = f"arn:aws:s3:::{bucket}/{keys}"
    grant = f"grant {', '.join(actions)} on {resource}"
    try:
        place = services.aws.of_bucket(bucket)
        identity = _principal(place.sts().get_caller_identity()["Arn"])
        answer = place.client("iam").simulate_principal_policy(
            PolicySourceArn=identity, ActionNames=list(actions), ResourceArns=[resource]
        )
    except AWS_FAULTS as error:
        why = "needs iam:SimulatePrincipalPolicy" if is_denied(error) else words_of(error)
        said = f"{table.after.kind}: whether it is allowed could not be checked ({why})"
        yield warning(CHECK, table.name, said, f"make sure that the policies {grant}")
        return
    decisions = {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}
    yield from _judged(table, resource, decisions)


def _judged(table: TableSettings, resource: str, decisions: dict[str, Any]) -> Iterator[Finding]:
    denied = [name for name, one in decisions.items() if one == "explicitDeny"]
    missing = [name for name, one in decisions.items() if one == "implicitDeny"]
    if denied:
        said = f"{table.after.kind}: a policy denies {', '.join(denied)} on {resource}"
        yield problem(CHECK, table.name, said, "remove the denial, or set `after: keep`")
    if missing:
        said = f"{table.after.kind}: no policy of the identity allows {', '.join(missing)} on {resource}"
        remedy = f"grant {', '.join(missing)} on {resource}, unless the bucket's own policy does"
        yield warning(CHECK, table.name, said, remedy)


def _principal(arn: str) -> str:
    """The role of an assumed role's session, which IAM wants to be asked about; else the identity itself."""
    head, _, rest = arn.partition(":assumed-role/")
    if not rest:
        return arn
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}"
