"""Asks IAM to simulate permissions that cannot be tried without changing something.

Policies of buckets and queues are not seen, so what no policy of the identity allows is only a warning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest_project.checks.deployment.finding import Finding, problem, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS, is_denied, words_of
from ingest_project.sources.aws import Aws


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done, and which permissions it needs on one resource.

    `remedy`: what to do about a policy that denies it. What is not `is_needed` is an extra: a denial is only
    a warning, and if IAM does not answer, nothing is said.
    """

    check: str
    subject: str
    what: str
    actions: tuple[str, ...]
    resource: str
    remedy: str
    is_needed: bool = False


def missing_permissions(aws: Aws, wanted: Wanted) -> Iterator[Finding]:
    """What IAM does not allow the identity of `aws`; nothing if all is allowed."""
    actions = ", ".join(wanted.actions)
    try:
        identity = principal(aws.sts().get_caller_identity()["Arn"])
        answer = aws.client("iam").simulate_principal_policy(
            PolicySourceArn=identity, ActionNames=list(wanted.actions), ResourceArns=[wanted.resource]
        )
    except AWS_FAULTS as error:
        if not wanted.is_needed:
            return
        why = "needs iam:SimulatePrincipalPolicy" if is_denied(error) else words_of(error)
        said = f"{wanted.what}: whether it is allowed could not be checked ({why})"
        remedy = f"make sure that the policies grant {actions} on {wanted.resource}"
        yield warning(wanted.check, wanted.subject, said, remedy)
        return
    decisions = {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}
    yield from _judged(wanted, decisions)


def principal(arn: str) -> str:
    """The role of an assumed role's session, which IAM wants to be asked about; else the identity itself."""
    head, _, rest = arn.partition(":assumed-role/")
    if not rest:
        return arn
    return f"{head.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}"


def _judged(wanted: Wanted, decisions: dict[str, Any]) -> Iterator[Finding]:
    denied = [name for name, one in decisions.items() if one == "explicitDeny"]
    missing = [name for name, one in decisions.items() if one == "implicitDeny"]
    if denied:
        said = f"{wanted.what}: a policy denies {', '.join(denied)} on {wanted.resource}"
        tell = problem if wanted.is_needed else warning
        yield tell(wanted.check, wanted.subject, said, wanted.remedy)
    if missing:
        actions = ", ".join(missing)
        said = f"{wanted.what}: no policy of the identity allows {actions} on {wanted.resource}"
        remedy = f"grant {actions} on {wanted.resource}, unless its own policy does"
        yield warning(wanted.check, wanted.subject, said, remedy)
