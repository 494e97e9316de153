"""Computes MD5s of the body and the attributes of a message as SQS does, and verifies SQS's own.

The digest of attributes is computed as the developer guide describes it:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
"""

import hashlib
from collections.abc import Iterator, Mapping

from ingest_project.sources.sqs.message import Message, MessageAttribute

STRING = b"\x01"
BINARY = b"\x02"
NOT_UNICODE = "its text has half a surrogate pair, which is not Unicode; SQS should not have accepted it"


def md5_faults(message: Message) -> Iterator[str]:
    """A reason for each MD5 of SQS that differs from the MD5 of what was received."""
    try:
        of_body = md5_of_body(message.body)
        of_attributes = md5_of_attributes(message.message_attributes)
    except UnicodeEncodeError:
        yield NOT_UNICODE
        return
    if message.md5_of_body not in {None, of_body}:
        yield f"its body has the MD5 {of_body}, and SQS says {message.md5_of_body}"
    told = message.md5_of_message_attributes
    # SQS does not define the digest of list values, and does not deliver such values.
    if told is not None and of_attributes is not None and told != of_attributes:
        yield f"its message attributes have the MD5 {of_attributes}, and SQS says {told}"


def md5_of_body(body: str) -> str:
    """The MD5 of the body's UTF-8, in hex. Raises UnicodeEncodeError."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, MessageAttribute]) -> str | None:
    """The MD5 of the attributes, in hex; None if there are none, or if one has no single value."""
    digest = hashlib.md5(usedforsecurity=False)
    for name, attribute in sorted(attributes.items()):
        if attribute.string_value is None and attribute.binary_value is None:
            return None
        for part in (name.encode(), attribute.data_type.encode()):
            digest.update(_with_length(part))
        if attribute.data_type.split(".")[0] == "Binary":
            digest.update(BINARY + _with_length(attribute.binary_value or b""))
        else:
            digest.update(STRING + _with_length((attribute.string_value or "").encode()))
    return digest.hexdigest() if attributes else None


def _with_length(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part
