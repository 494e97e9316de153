"""boto3's errors, translated into ours; the only place in this room that knows them.

Texts are scrubbed on the way: SQS quotes receipt handles back, boto3 the URL, password included, and a rejected
signature comes with the whole canonical request, session token included, from its second line on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ingest_project.errors import QueueUnavailable
from ingest_project.redaction import without_secrets

MAX_REASON_CHARACTERS = 300


@contextmanager
def translated(queue: str) -> Iterator[None]:
    """Raises what boto3 raises inside as QueueUnavailable, naming the queue, the code and SQS's own words."""
    # The caller holds a boto3 client, so these are loaded; importing this module alone must stay cheap.
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
    """The first line of `text`, of bearable length, without the receipt handle and without secrets of URLs."""
    if receipt_handle:
        text = text.replace(receipt_handle, "...")
    first_line = text.strip().partition("\n")[0]
    return without_secrets(first_line)[:MAX_REASON_CHARACTERS]
