"""Translates boto3's errors into ours; the only place in this room that knows them.

Secrets are removed from their texts: SQS quotes receipt handles, boto3 quotes URLs with passwords, and the
error of a rejected signature has the whole canonical request, with the session token, from its second line
on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest_project.errors import QueueRefused, QueueUnavailable
from ingest_project.settings.secrets import without_secrets

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

MAX_REASON_CHARACTERS = 300
TRANSIENT_CODES = frozenset(
    {
        "RequestTimeout",
        "RequestTimeoutException",
        "RequestLimitExceeded",
        "SlowDown",
        "TooManyRequestsException",
    }
)
"""Codes of 4xx that may pass, besides those that name throttling (RequestThrottled, KmsThrottled, ...)."""


@contextmanager
def translated(queue: str) -> Iterator[None]:
    """Raises QueueUnavailable for boto3's errors inside the block, with the queue, SQS's code and message."""
    # The caller has a boto3 client, so these are loaded already; importing this module alone must be cheap.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise QueueUnavailable(queue, _reason(error), code=_code(error)) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise QueueUnavailable(queue, scrubbed(f"{type(error).__name__}: {error}")) from error


@contextmanager
def judged(queue: str) -> Iterator[None]:
    """Like `translated`, but raises QueueRefused for errors that another call would meet again."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with translated(queue):
            yield
    except QueueUnavailable as error:
        cause = error.__cause__
        if (isinstance(cause, ClientError) and not _may_pass(cause)) or (
            isinstance(cause, BotoCoreError) and _is_ours(cause)
        ):
            raise QueueRefused(queue, error.reason, code=error.code) from cause
        raise


def scrubbed(text: str, receipt_handle: str = "") -> str:
    """The first line of `text`, shortened, without the receipt handle and secrets of URLs."""
    if receipt_handle:
        text = text.replace(receipt_handle, "...")
    first_line = text.strip().partition("\n")[0]
    return without_secrets(first_line)[:MAX_REASON_CHARACTERS]


def _code(error: "ClientError") -> str:
    """SQS's code without its namespace: `NonExistentQueue`, not `AWS.SimpleQueueService.NonExistentQueue`."""
    code: str = error.response.get("Error", {}).get("Code", "Unknown")
    return code.rpartition(".")[2]


def _reason(error: "ClientError") -> str:
    fault = error.response.get("Error", {})
    return scrubbed(f"{error.operation_name}: {fault.get('Code', 'Unknown')}: {fault.get('Message', '')}")


def _may_pass(error: "ClientError") -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    code = _code(error)
    return status >= 500 or status == 429 or "throttl" in code.lower() or code in TRANSIENT_CODES


def _is_ours(error: "BotoCoreError") -> bool:
    """Whether the call was not sent, because credentials are missing or a parameter has a wrong type."""
    from botocore.exceptions import NoCredentialsError, ParamValidationError, PartialCredentialsError

    return isinstance(error, NoCredentialsError | ParamValidationError | PartialCredentialsError)
