"""Translates what obstore and boto3 raise for one object into this project's errors.

Their messages carry URLs, request ids and debug dumps; only S3's status and error code are taken out of them.
"""

import re

from botocore.exceptions import BotoCoreError, ClientError
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

from ingest_project.errors import (
    ObjectError,
    ObjectForbidden,
    ObjectMissing,
    ObjectOverwritten,
    ObjectUnavailable,
)

STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>(\w{1,64})</Code>")

OBSTORE_FAULTS = (BaseError, FileNotFoundError, OSError, ValueError)
"""What obstore raises: its own errors, and the built-in ones of that meaning."""
BOTO3_FAULTS = (ClientError, BotoCoreError)


def obstore_fault(uri: str, error: Exception) -> ObjectError:
    """The error of this project that says what obstore's error means for the object at `uri`."""
    answer = _answer(str(error))
    if isinstance(error, FileNotFoundError):
        return ObjectMissing(uri, f"S3 holds no such object ({answer or 'not found'})")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return ObjectForbidden(uri, f"S3 refused to hand it out ({answer or type(error).__name__})")
    if isinstance(error, PreconditionError):
        return ObjectOverwritten(uri, "the key holds another version than the event named")
    return ObjectUnavailable(uri, f"S3 did not answer properly ({answer or type(error).__name__})")


def boto3_fault(uri: str, error: ClientError | BotoCoreError) -> ObjectError:
    """The error of this project that says what boto3's error means for the object at `uri`."""
    if not isinstance(error, ClientError):
        return ObjectUnavailable(uri, f"S3 did not answer properly ({type(error).__name__})")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    answer = f"{status} {error.response.get('Error', {}).get('Code', '')}".strip()
    if status == 404:
        return ObjectMissing(uri, f"S3 holds no such object ({answer})")
    if status in {401, 403}:
        return ObjectForbidden(uri, f"S3 refused to hand it out ({answer})")
    if status == 412:
        return ObjectOverwritten(uri, "the key holds another version than the event named")
    return ObjectUnavailable(uri, f"S3 did not answer properly ({answer})")


def _answer(message: str) -> str:
    """S3's own answer in obstore's message, like `404 NoSuchKey`; empty if S3 gave none."""
    found = (STATUS.search(message), CODE.search(message))
    return " ".join(match[1] for match in found if match)
