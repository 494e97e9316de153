"""Translates what obstore and boto3 raise for one object into this project's errors.

Their messages have URLs, request ids and debug dumps; only S3's status and error code are taken from them.
S3's errors are listed at https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. If a KMS key is
disabled or gone, S3 answers 400 with a code of KMS; if it is denied, 403 with a text that names the action.
"""

import re
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

from ingest_project.errors import (
    ObjectArchived,
    ObjectError,
    ObjectForbidden,
    ObjectKeyDenied,
    ObjectMissing,
    ObjectOverwritten,
    ObjectThrottled,
    ObjectUnavailable,
    WrongRegion,
)
from ingest_project.sources.exhausted import exhausted_of_rust

STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>([\w.]{1,64})</Code>")
MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
KMS_DENIED = re.compile(r"perform: kms:|ciphertext refers to a customer master key")
REDIRECT = "Received redirect"  # obstore's text for a 3xx without a Location, as S3 sends it

OBSTORE_FAULTS = (BaseError, FileNotFoundError, OSError, ValueError)
"""What obstore raises: its own errors, and built-in ones."""
BOTO3_FAULTS = (ClientError, BotoCoreError)

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (FileNotFoundError, 404),
    (PermissionDeniedError, 403),
    (UnauthenticatedError, 401),
    (PreconditionError, 412),
)
"""The statuses for which obstore has classes of errors."""
THROTTLING = {"RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded"}
CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "RequestExpired",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
REGION = {"IllegalLocationConstraintException", "PermanentRedirect", "Redirect", "TemporaryRedirect"}
WRONG_REGION = (
    "the bucket is in another region, which S3 does not name ({}); "
    "set its `region` in `buckets`, or correct `aws.endpoint_url`, then retry"
)
NO_CREDENTIALS = "no AWS credentials; `ingest check` says where they are looked for"


@dataclass(frozen=True, slots=True)
class Answer:
    """S3's answer: its status, its error code if there is one, and its text, which is only searched."""

    status: int | None
    code: str = ""
    text: str = ""

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.status, self.code) if part)


def obstore_fault(uri: str, error: Exception) -> ObjectError:
    """This project's error for what obstore raised about the object at `uri`."""
    known = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    text = str(error)
    if known is not None:  # its message begins with the key, which may have any text
        key = uri.removeprefix("s3://").partition("/")[2]
        text = text.partition(key)[2] or text
    status, code, message = STATUS.search(text), CODE.search(text), MESSAGE.search(text)
    if known is None and status is None and (exhausted := exhausted_of_rust(uri, text)):
        return exhausted
    redirected = 301 if status is None and REDIRECT in text else None
    answer = Answer(
        known or redirected or (int(status[1]) if status else None),
        code[1] if code else "",
        message[1] if message else "",
    )
    return _fault(uri, answer, type(error).__name__)


def boto3_fault(uri: str, error: ClientError | BotoCoreError) -> ObjectError:
    """This project's error for what boto3 raised about the object at `uri`."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ObjectUnavailable(uri, NO_CREDENTIALS)
    if not isinstance(error, ClientError):
        return ObjectUnavailable(uri, f"S3 did not answer properly ({type(error).__name__})")
    told = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = told.get("Code", "")
    # Without a body, botocore uses the status as the code.
    answer = Answer(status, "" if code == str(status) else code, told.get("Message", ""))
    return _fault(uri, answer, type(error).__name__)


def _fault(uri: str, answer: Answer, kind: str) -> ObjectError:
    """The error for an answer; `kind` is shown if there was none."""
    if answer.status == 429 or answer.code in THROTTLING or _slows_down(answer):
        return ObjectThrottled(uri, f"S3 asked for fewer requests ({answer})")
    if answer.code in CREDENTIALS or (
        answer.code == "AuthorizationHeaderMalformed" and not _is_elsewhere(answer)
    ):
        return ObjectUnavailable(
            uri, f"S3 does not accept our credentials ({answer}); `ingest check` says whose they are"
        )
    if _is_elsewhere(answer):
        return WrongRegion(uri, WRONG_REGION.format(answer))
    if answer.code == "InvalidObjectState":
        return ObjectArchived(uri, f"it is archived ({answer}); restore it, then retry")
    if answer.code.startswith("KMS.") or (answer.status == 403 and KMS_DENIED.search(answer.text)):
        return ObjectKeyDenied(uri, f"S3 could not decrypt it for us ({answer}); check its KMS key")
    return _fault_by_status(uri, answer, kind)


def _fault_by_status(uri: str, answer: Answer, kind: str) -> ObjectError:
    if answer.status in {404, 405}:  # 405: the version is a delete marker
        return ObjectMissing(uri, f"S3 holds no such object ({answer})")
    if answer.status in {401, 403}:
        return ObjectForbidden(uri, f"S3 refused access to it ({answer})")
    if answer.status == 412:
        return ObjectOverwritten(uri, "the key holds another version than the event named")
    return ObjectUnavailable(uri, f"S3 did not answer properly ({answer if answer.status else kind})")


def _is_elsewhere(answer: Answer) -> bool:
    """Whether S3 redirects, or wants another region's signature (its code has another meaning, too)."""
    if answer.code == "AuthorizationHeaderMalformed":
        return "region" in answer.text or not answer.text
    return answer.code in REGION or answer.status in {301, 307}


def _slows_down(answer: Answer) -> bool:
    return any(word in answer.code for word in ("SlowDown", "Throttl"))
