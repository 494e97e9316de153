"""Checks what the schedule of `reconcile` needs besides what the ingest needs: to list versions.

`ingest reconcile --inventory` reads the lists of an S3 Inventory in another bucket, which is asked about if
the table's bucket says that it has one.
"""

from collections.abc import Iterator

from ingest_project.checks.deployment.finding import Finding, ok, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.checks.deployment.simulation import Wanted, missing_permissions
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings

CHECK = "reconcile"
OF_INVENTORY = ("s3:GetObject",)


def check_reconcile(services: Services, table: TableSettings) -> list[Finding]:
    """Whether what S3 holds for the table can be compared; nothing for a table without `reconcile`."""
    if table.reconcile is None:
        return []
    name = table.reconcile.metadata_table
    if name is not None:
        return [_metadata_table(services, table, name)]
    found = [*_listing(services, table), *_inventories(services, table)]
    return found or [ok(CHECK, table.name, f"the versions of s3://{table.bucket} may be listed")]


def _metadata_table(services: Services, table: TableSettings, name: str) -> Finding:
    from ingest_project.ingestion.reconcile.metadata_table import metadata_table

    try:
        _, taken_at = metadata_table(services.metadata_lake, name)
    except IngestError as error:
        remedy = f"correct reconcile.metadata_table of {table.name}, or metadata_catalog"
        return warning(CHECK, table.name, f"its schedule fails: {error}", remedy)
    return ok(CHECK, table.name, f"{name} is a table of S3 Metadata, of {taken_at:%Y-%m-%d %H:%M} UTC")


def _listing(services: Services, table: TableSettings) -> Iterator[Finding]:
    bucket = table.bucket
    try:
        services.aws.s3(bucket).list_object_versions(Bucket=bucket, Prefix=table.prefix, MaxKeys=1)
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="s3:ListBucketVersions (also if the bucket keeps no versions)",
            resource=f"arn:aws:s3:::{bucket}",
            if_absent=f"create it, or correct tables[].bucket ({bucket})",
        )
        yield warning(CHECK, table.name, f"its schedule fails: {words_of(error)}", remedy)


def _inventories(services: Services, table: TableSettings) -> Iterator[Finding]:
    bucket = table.bucket
    try:
        place = services.aws.of_bucket(bucket)
        answer = services.aws.s3(bucket).list_bucket_inventory_configurations(Bucket=bucket)
    except AWS_FAULTS:  # an extra, which most deployments do not have
        return
    for one in answer.get("InventoryConfigurationList", ()):
        target = one["Destination"]["S3BucketDestination"]
        prefix = f"{target['Prefix'].rstrip('/')}/" if target.get("Prefix") else ""
        resource = f"{target['Bucket']}/{prefix}{bucket}/{one['Id']}/*"
        what = f"ingest reconcile --inventory, with the inventory {one['Id']}"
        remedy = "remove the denial, if the inventory is to be used"
        yield from missing_permissions(place, Wanted(CHECK, table.name, what, OF_INVENTORY, resource, remedy))
