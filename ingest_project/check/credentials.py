"""Checks as whom this project talks to AWS: the default chain's credentials work, and the role can be assumed."""

from ingest_project.check.finding import Finding, ok, problem
from ingest_project.check.refusal import AWS_FAULTS, remedy_for, words_of
from ingest_project.services import Services

CHECK = "credentials"


def check_credentials(services: Services) -> list[Finding]:
    """Who we are, asked of STS; needs no permission."""
    subject = services.settings.aws.role_arn or "default chain"
    try:
        identity = services.aws.sts().get_caller_identity()
    except AWS_FAULTS as error:
        remedy = remedy_for(
            error, permission="sts:GetCallerIdentity", resource="*", if_absent="correct aws.endpoint_url"
        )
        return [problem(CHECK, subject, words_of(error), remedy)]
    return [ok(CHECK, subject, f"{identity['Arn']} in account {identity['Account']}")]
