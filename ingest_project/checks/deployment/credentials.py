"""Checks the credentials for AWS: those of the default chain are valid, and each role can be assumed."""

from ingest_project.checks.deployment.finding import Finding, ok, problem
from ingest_project.checks.deployment.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.services import Services
from ingest_project.settings.aws_access import AwsAccess
from ingest_project.sources.aws import Aws

CHECK = "credentials"


def check_credentials(services: Services) -> list[Finding]:
    """The caller's identity, for the default chain and each role of the settings; needs no permission."""
    settings = services.settings
    places: dict[str, AwsAccess] = {settings.aws.role_arn or "default chain": AwsAccess()}
    for place in (*(queue.access for queue in settings.queues), *settings.buckets):
        if place.role_arn is not None:
            places.setdefault(place.role_arn, place)
    return [_identity(subject, services.aws.of(place)) for subject, place in places.items()]


def _identity(subject: str, aws: Aws) -> Finding:
    try:
        identity = aws.sts().get_caller_identity()
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error, permission="sts:GetCallerIdentity", resource="*", if_absent="correct aws.endpoint_url"
        )
        return problem(CHECK, subject, words_of(error), remedy)
    return ok(CHECK, subject, f"{identity['Arn']} in account {identity['Account']}")
