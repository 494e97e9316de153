"""Checks what jobs on demand need: their queue, the place of their results, and the kinds that users declare.

That the queue answers, and that it has a DLQ, is checked as for every queue.
"""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingest_project.checks.deployment.addresses import QueueAddress
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.checks.deployment.simulation import Wanted, missing_permissions
from ingest_project.services import Services
from ingest_project.settings.job_settings import JobKindSettings, JobsSettings
from ingest_project.settings.model import QueueSettings
from ingest_project.sources.object_version import bucket_and_key

if TYPE_CHECKING:
    from ingest_project.sources.aws import Aws

QUEUE_CHECK, RESULTS_CHECK, KIND_CHECK, MIRROR_CHECK = "jobs_queue", "job_results", "job_kind", "job_mirror"
OF_QUEUE = (
    "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
)  # fmt: skip
"""The API sends; the daemon receives, hides and deletes. Both may be one identity."""
OF_RESULTS = ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload")
"""Runs write; a link to a result lets its reader do what its signer may."""
OF_MIRROR = ("dynamodb:PutItem",)
REMEDY = "remove the denial"


def check_jobs(services: Services) -> list[Finding]:
    """The findings about jobs; none if the settings have none."""
    jobs, queue = services.settings.jobs, services.settings.jobs_queue
    if jobs is None or queue is None:
        return []
    return [
        *_queue(services, queue),
        *_results(services, jobs),
        *(_kind(name, kind) for name, kind in jobs.kinds.items()),
        *_mirror(services, jobs),
    ]


def _queue(services: Services, queue: QueueSettings) -> Iterator[Finding]:
    try:
        aws = services.aws.of(queue.access)
        arn = QueueAddress(queue.url, aws.region).arn
    except AWS_FAULTS:
        return  # the check of the queue tells it
    wanted = Wanted(QUEUE_CHECK, queue.name, "jobs", OF_QUEUE, arn, REMEDY, is_needed=True)
    yield from _denied(aws, wanted, "send, receive and delete: allowed by IAM's policies")


def _results(services: Services, jobs: JobsSettings) -> Iterator[Finding]:
    if jobs.results is None:
        said = "there is no place for results: exports are refused, and results are only in the ledger"
        yield warning(RESULTS_CHECK, "jobs", said, "add to ingest.yaml: jobs: {results: s3://BUCKET/PREFIX/}")
        return
    bucket, prefix = bucket_and_key(jobs.results)
    try:
        services.aws.s3(bucket).head_bucket(Bucket=bucket)
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="s3:ListBucket",
            resource=f"arn:aws:s3:::{bucket}",
            if_absent=f"create it, or correct jobs.results ({jobs.results})",
        )
        yield problem(RESULTS_CHECK, jobs.results, f"results cannot be written: {words_of(error)}", remedy)
        return
    resource = f"arn:aws:s3:::{bucket}/{prefix}*"
    aws = services.aws.of_bucket(bucket)
    wanted = Wanted(RESULTS_CHECK, jobs.results, "results", OF_RESULTS, resource, REMEDY, is_needed=True)
    yield from _denied(aws, wanted, "results may be written, by IAM's policies")


def _mirror(services: Services, jobs: JobsSettings) -> Iterator[Finding]:
    mirror = jobs.mirror
    if mirror is None:
        return
    try:
        client = services.aws.of(mirror).dynamodb()
        table = client.describe_table(TableName=mirror.table)["Table"]
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error,
            permission="dynamodb:DescribeTable and dynamodb:PutItem",
            resource=f"table {mirror.table}",
            if_absent=f"aws dynamodb create-table --table-name {mirror.table} --billing-mode PAY_PER_REQUEST "
            "--attribute-definitions AttributeName=id,AttributeType=S "
            "--key-schema AttributeName=id,KeyType=HASH",
        )
        yield problem(MIRROR_CHECK, mirror.table, words_of(error), remedy)
        return
    if [key["AttributeName"] for key in table["KeySchema"]] != ["id"]:
        said = "its key is not `id`, a string, alone: no job can be written"
        yield problem(MIRROR_CHECK, mirror.table, said, "name a table with this key in jobs.mirror.table")
        return
    arn = table["TableArn"]
    wanted = Wanted(MIRROR_CHECK, mirror.table, "mirror", OF_MIRROR, arn, REMEDY, is_needed=True)
    yield from _denied(services.aws.of(mirror), wanted, "jobs may be written, by IAM's policies")


def _denied(aws: "Aws", wanted: Wanted, allowed: str) -> list[Finding]:
    """What IAM does not allow, or that it allows all."""
    return list(missing_permissions(aws, wanted)) or [ok(wanted.check, wanted.subject, allowed)]


def _kind(name: str, kind: JobKindSettings) -> Finding:
    """Whether Python finds the job, and the job has the op. Importing it runs its module, as Dagster does."""
    module, _, variable = kind.job.partition(":")
    where = f"correct jobs.kinds.{name}.job ({kind.job}), or let Python find it: PYTHONPATH, or install it"
    try:
        found = getattr(importlib.import_module(module), variable, None)
    except Exception as error:  # whatever a user's module raises
        return problem(
            KIND_CHECK, name, f"{module} cannot be imported: {type(error).__name__}: {error}", where
        )
    if found is None:
        return problem(KIND_CHECK, name, f"{module} has no {variable}", where)
    if type(found).__name__ != "JobDefinition":  # of Dagster, which only `defs` imports
        return problem(KIND_CHECK, name, f"{kind.job} is not a Dagster job", where)
    ops = list(found.graph.node_dict)
    if kind.op is not None and kind.op not in ops:
        return problem(
            KIND_CHECK, name, f"{kind.job} has no op {kind.op}; it has {', '.join(ops)}",
            f"correct jobs.kinds.{name}.op",
        )  # fmt: skip
    return ok(KIND_CHECK, name, f"{kind.job} is found")
