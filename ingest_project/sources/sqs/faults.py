"""Translates boto3's errors into ours; the only place in this room that knows them.

Secrets are removed from their texts: SQS quotes receipt handles, boto3 quotes URLs with passwords, and the
error of a rejected signature has the whole canonical request, with the session token, from its second line
on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ingest_project.errors import QueueUnavailable
from ingest_project.settings.secrets import without_secrets

MAX_REASON_CHARACTERS = 300


@contextmanager
def translated(queue: str) -> Iterator[None]:
    """Raises QueueUnavailable for boto3's errors inside the block, with the queue, SQS's code and message."""
    # The caller has a boto3 client, so these are loaded already; importing this module alone must be cheap.
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        fault = error.response.get("Error", {})
        code, message = fault.get("Code", "Unknown"), fault.get("Message", "")
        raise QueueUnavailable(queue, scrubbed(f"{error.operation_name}: {code}: {message}")) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise QueueUnavailable(queue, scrubbed(f"{type(error).__name__}: {error}")) from error


def scrubbed(text: str, receipt_handle: str = "") -> str:
    """The first line of `text`, shortened, without the receipt handle and secrets of URLs."""
    if receipt_handle:
        text = text.replace(receipt_handle, "...")
    first_line = text.strip().partition("\n")[0]
    return without_secrets(first_line)[:MAX_REASON_CHARACTERS]
