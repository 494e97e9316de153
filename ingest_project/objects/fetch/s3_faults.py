"""Translates what obstore and boto3 raise for one object into this project's errors.

Their messages carry URLs, request ids and debug dumps; only S3's status and error code are taken out of them. What
S3 answers is listed at https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html; that a key of KMS is
disabled or gone it tells as a 400 with a code of KMS, and that it is denied as a 403 whose text names the action.
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
)

STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>([\w.]{1,64})</Code>")
MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
KMS_DENIED = re.compile(r"perform: kms:|ciphertext refers to a customer master key")
REDIRECT = "Received redirect"  # obstore's words for a 3xx without a Location, as S3 sends it

OBSTORE_FAULTS = (BaseError, FileNotFoundError, OSError, ValueError)
"""What obstore raises: its own errors, and the built-in ones of that meaning."""
BOTO3_FAULTS = (ClientError, BotoCoreError)

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (FileNotFoundError, 404),
    (PermissionDeniedError, 403),
    (UnauthenticatedError, 401),
    (PreconditionError, 412),
)
"""What obstore has told apart already."""
THROTTLING = {"RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded"}
CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "RequestExpired",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "Redirect",
          "TemporaryRedirect"}  # fmt: skip
NO_CREDENTIALS = "no AWS credentials; `ingest check` says where they are looked for"


@dataclass(frozen=True, slots=True)
class Answer:
    """What S3 answered: its status, its error code if it gave one, and its text, which is only searched."""

    status: int | None
    code: str = ""
    text: str = ""

    def __str__(self) -> str:
        return " ".join(str(part) for part in (self.status, self.code) if part)


def obstore_fault(uri: str, error: Exception) -> ObjectError:
    """The error of this project that says what obstore's error means for the object at `uri`."""
    known = next((status for kind, status in STATUSES if isinstance(error, kind)), None)
    text = str(error)
    if known is not None:  # its message begins with the key, which may say anything
        key = uri.removeprefix("s3://").partition("/")[2]
        text = text.partition(key)[2] or text
    status, code, message = STATUS.search(text), CODE.search(text), MESSAGE.search(text)
    redirected = 301 if status is None and REDIRECT in text else None
    answer = Answer(
        known or redirected or (int(status[1]) if status else None),
        code[1] if code else "",
        message[1] if message else "",
    )
    return _fault(uri, answer, type(error).__name__)


def boto3_fault(uri: str, error: ClientError | BotoCoreError) -> ObjectError:
    """The error of this project that says what boto3's error means for the object at `uri`."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return ObjectUnavailable(uri, NO_CREDENTIALS)
    if not isinstance(error, ClientError):
        return ObjectUnavailable(uri, f"S3 did not answer properly ({type(error).__name__})")
    told = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = told.get("Code", "")
    # Without a body botocore gives the status as the code.
    answer = Answer(status, "" if code == str(status) else code, told.get("Message", ""))
    return _fault(uri, answer, type(error).__name__)


def _fault(uri: str, answer: Answer, kind: str) -> ObjectError:
    """What an answer means; `kind` is told if there was none."""
    if answer.status == 429 or answer.code in THROTTLING or _slows_down(answer):
        return ObjectThrottled(uri, f"S3 asked for fewer requests ({answer})")
    if answer.code in CREDENTIALS:
        return ObjectUnavailable(
            uri, f"S3 does not take our credentials ({answer}); `ingest check` says whose they are"
        )
    if answer.code in REGION or answer.status in {301, 307}:
        return ObjectUnavailable(uri, f"the bucket is in another region ({answer}); mend `aws.region`")
    if answer.code == "InvalidObjectState":
        return ObjectArchived(uri, f"it is archived ({answer}); restore it, then retry")
    if answer.code.startswith("KMS.") or (answer.status == 403 and KMS_DENIED.search(answer.text)):
        return ObjectKeyDenied(uri, f"S3 could not decrypt it for us ({answer}); see its KMS key")
    return _fault_by_status(uri, answer, kind)


def _fault_by_status(uri: str, answer: Answer, kind: str) -> ObjectError:
    if answer.status in {404, 405}:  # 405: the version is a delete marker
        return ObjectMissing(uri, f"S3 holds no such object ({answer})")
    if answer.status in {401, 403}:
        return ObjectForbidden(uri, f"S3 refused to hand it out ({answer})")
    if answer.status == 412:
        return ObjectOverwritten(uri, "the key holds another version than the event named")
    return ObjectUnavailable(uri, f"S3 did not answer properly ({answer if answer.status else kind})")


def _slows_down(answer: Answer) -> bool:
    return any(word in answer.code for word in ("SlowDown", "Throttl"))
