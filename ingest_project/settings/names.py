"""The names and addresses in ingest.yaml, each with the rule of the service that it belongs to."""

import re
from typing import Annotated

from pydantic import AfterValidator

DEFAULT_NAMESPACE = "default"


def table_identifier(name: str) -> str:
    """The identifier of a table in its catalog: `sales.orders`; `default.orders` for `orders`."""
    return name if "." in name else f"{DEFAULT_NAMESPACE}.{name}"


def matching(pattern: str, otherwise: str) -> AfterValidator:
    """A validator for text that matches the whole pattern; `otherwise` is the message if it does not."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(otherwise)
        return text

    return AfterValidator(check)


QueueName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_]{0,63}",
        "not a queue name; use up to 64 letters, digits and _, without a digit at the start",
    ),
]
QueueUrl = Annotated[
    str, matching(r"https?://\S+", "not a queue URL; copy the one that `aws sqs get-queue-url` prints")
]
TableName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*",
        "not a table name; write namespace and table joined by a dot, like sales.orders, "
        "with letters, digits and _; without a namespace it is in `default`",
    ),
]
RoleArn = Annotated[
    str,
    matching(
        r"arn:[^:]+:iam::\d{12}:role/.+",
        "not a role's ARN; write it like arn:aws:iam::123456789012:role/ingest",
    ),
]
Region = Annotated[
    str,
    matching(r"[a-z0-9-]+", "not a region; write it like eu-west-1"),
]
AccountId = Annotated[
    str,
    matching(r"\d{12}", 'not an account id; write its 12 digits in quotes, like "123456789012"'),
]
TopicArn = Annotated[
    str,
    matching(
        r"arn:[^:]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}",
        "not the ARN of a standard SNS topic; write it like arn:aws:sns:us-east-1:123456789012:ingest-alerts",
    ),
]
Bucket = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{2,62}|sqs:[A-Za-z0-9_]{1,64}",  # the latter: see message_tables.py
        "not a bucket name; write the name alone, without s3:// and without a prefix",
    ),
]
ExcludePattern = Annotated[
    str,
    matching(
        r"(?!s3://)(?![*/]+$)[^/].*",
        "not a pattern of keys; write it below the table's prefix, like tmp/* or *.bak: not empty, "
        "without s3:// and without a slash at the start, and not one that matches every key",
    ),
]
# Dagster refuses these in a partition key, and only when the definitions are loaded.
PartitionValue = Annotated[
    str,
    matching(
        r"(?!.*\.\.\.)[^\x00\a\b\f\n\r\t\v]+",
        "not a partition key; it must not be empty, nor have `...`, tabs or line ends",
    ),
]
# Dagster accepts only these as owners.
Owner = Annotated[
    str,
    matching(
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}|team:.+",
        "not an owner; write an e-mail address or team:name",
    ),
]
