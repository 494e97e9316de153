"""Checks the KMS key of a queue: S3, SNS and EventBridge must be able to encrypt with it.

They cannot use the key `aws/sqs`, whose policy nobody can change,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html.
"""

from typing import Any

from ingest_project.checks.deployment.addresses import QueueAddress
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.checks.deployment.policy import allowing_statements
from ingest_project.checks.deployment.refusal import AWS_FAULTS, unseen, words_of

CHECK = "encryption"
OF_SQS = "alias/aws/sqs"
NEEDED = ("kms:GenerateDataKey", "kms:Decrypt")
SENDERS = ("s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com")


def check_encryption(name: str, queue: QueueAddress, key: str, client: Any) -> Finding:
    """Whether the senders of events can use the queue's key; `client` is a KMS client."""
    if key == OF_SQS or key.endswith(f":{OF_SQS}"):
        return _unusable(name, queue, key)
    try:
        described = client.describe_key(KeyId=key)["KeyMetadata"]
        if described.get("KeyManager") == "AWS":
            return _unusable(name, queue, key)
        policy = client.get_key_policy(KeyId=described["KeyId"], PolicyName="default")["Policy"]
    except AWS_FAULTS as error:
        what = f"whether S3 may use its key {key}"
        return unseen(
            CHECK, name, error, what, permission="kms:DescribeKey and kms:GetKeyPolicy", resource=key
        )
    if not described.get("Enabled", True):
        remedy = f"aws kms enable-key --region {queue.region} --key-id {described['KeyId']}"
        return problem(CHECK, name, f"its key {key} is disabled, so nobody can send", remedy)
    return _by_policy(name, key, policy)


def _by_policy(name: str, key: str, policy: str) -> Finding:
    needed = " and ".join(NEEDED)
    try:
        statements = [one for one in allowing_statements(policy) if set(SENDERS).intersection(one.services)]
    except ValueError as error:
        return warning(
            CHECK, name, f"the policy of its key {key} cannot be read: {words_of(error)}", "correct it"
        )
    if all(any(one.allows(action) for one in statements) for action in NEEDED):
        return ok(CHECK, name, f"its key {key} may be used by {', '.join(statements[0].services)}")
    statement = (
        '{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, '
        '"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"}'
    )
    said = f"the policy of its key {key} does not give {needed} to s3.amazonaws.com: events do not arrive"
    return warning(CHECK, name, said, f"add to the key's policy: {statement}")


def _unusable(name: str, queue: QueueAddress, key: str) -> Finding:
    said = (
        f"it is encrypted with AWS's key {key}, which S3, SNS and EventBridge cannot use: events do not "
        "arrive"
    )
    remedy = queue.set_attributes({"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"})
    return problem(CHECK, name, said, f"use SQS's own encryption, or your own key: {remedy}")
