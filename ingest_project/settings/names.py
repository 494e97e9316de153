"""The names and addresses that ingest.yaml may hold, each with the rule of the service that owns it."""

import re
from typing import Annotated

from pydantic import AfterValidator


def _matching(pattern: str, otherwise: str) -> AfterValidator:
    """A validator for text that matches the whole pattern; `otherwise` says what is wrong, and what to do."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(otherwise)
        return text

    return AfterValidator(check)


QueueName = Annotated[
    str,
    _matching(
        r"[A-Za-z_][A-Za-z0-9_]{0,63}", "no queue name; use up to 64 letters, digits and _, no digit first"
    ),
]
QueueUrl = Annotated[
    str, _matching(r"https?://\S+", "no queue URL; copy the one that `aws sqs get-queue-url` prints")
]
TableName = Annotated[
    str,
    _matching(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+",
        "no table name; write namespace and table joined by a dot, like sales.orders, in letters, digits and _",
    ),
]
RoleArn = Annotated[
    str,
    _matching(
        r"arn:[^:]+:iam::\d{12}:role/.+", "no role; write it like arn:aws:iam::123456789012:role/ingest"
    ),
]
TopicArn = Annotated[
    str,
    _matching(
        r"arn:[^:]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}",
        "no standard SNS topic; write it like arn:aws:sns:us-east-1:123456789012:ingest-alerts",
    ),
]
Bucket = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}",
        "no bucket name; write the name alone, without s3:// and without a prefix",
    ),
]
# Dagster refuses these in a partition key, and only when the definitions are loaded.
PartitionValue = Annotated[
    str,
    _matching(
        r"(?!.*\.\.\.)[^\x00\a\b\f\n\r\t\v]+",
        "no partition key; it must not be empty, nor hold `...`, tabs or line ends",
    ),
]
# Dagster accepts nothing else as an owner.
Owner = Annotated[
    str,
    _matching(
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}|team:.+",
        "no owner; write an e-mail address or team:name",
    ),
]
