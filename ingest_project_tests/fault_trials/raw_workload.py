"""The workload of a trial of messages that are rows: what is sent, and what the table must show.

As with files, everything is a function of the trial's seed, but for the ids that SQS gives.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_project.sources.messages.raw_messages import ORIGINAL_ID

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Attribute = tuple[str, str, str | None, str | None]
"""Name, data type, and the value, as a string or as the hexadecimal digits of a binary one."""

TEXTS = (
    "plain text",
    " two\nlines, and a tab\t",
    '{"order": 7, "note": "Grüße 😀", "nested": {"a": [1, null]}}',
    "👩‍👩‍👧‍👦 \u2028 \U0001f600",
    '"quoted", \\ and \\u0041',
    "[1, 2",
)
LARGE = "large 😀 " * 20_000
"""Some 200 KB."""
POISON = ("no JSON", '{"text": "cut off', '{"text": "a text", "number": "one"}', "[1]")
BATCH = 10


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to be sent. `shown` is what its row must show of the body; None if it must not have a row."""

    body: str
    shown: str | None
    attributes: frozenset[Attribute] = frozenset()

    def entry(self, name: str, *, copy_of: str | None = None) -> dict[str, Any]:
        """The entry of a batch, with the id of the message that it is a copy of."""
        attributes: dict[str, Any] = {
            name: {"DataType": data_type}
            | ({"StringValue": text} if digits is None else {"BinaryValue": bytes.fromhex(digits)})
            for name, data_type, text, digits in self.attributes
        }
        if copy_of is not None:
            attributes[ORIGINAL_ID] = {"DataType": "String", "StringValue": copy_of}
        return {"Id": name, "MessageBody": self.body, "MessageAttributes": attributes}


def raw_letters(rng: random.Random, count: int) -> list[Letter]:
    """Bodies of all kinds, one of them large, for a table of bodies as they are."""
    bodies = [f"{rng.choice(TEXTS)} {number}" for number in range(count - 1)]
    return [Letter(body, body, _attributes(rng)) for body in [*bodies, LARGE]]


def json_letters(rng: random.Random, count: int, *, poison: int) -> list[Letter]:
    """Bodies for a table with the columns `text` and `number`; so many have a body that it cannot read."""
    letters: list[Letter] = []
    for number in range(count - poison):
        text = f"{rng.choice(TEXTS)} {number}"
        letters.append(Letter(json.dumps({"text": text, "number": number}), text, _attributes(rng)))
    letters += [Letter(body, None, _attributes(rng)) for body in rng.sample(POISON, poison)]
    rng.shuffle(letters)
    return letters


def send(sqs: "SQSClient", url: str, letters: Sequence[Letter]) -> dict[str, Letter]:
    """Send the messages; gives them by the ids that SQS gave."""
    return _send(sqs, url, [(letter, None) for letter in letters])


def send_again(sqs: "SQSClient", url: str, sent: dict[str, Letter]) -> None:
    """Send copies that name their originals, as a tool does that redrives a DLQ."""
    _send(sqs, url, [(letter, message_id) for message_id, letter in sent.items()])


def _send(sqs: "SQSClient", url: str, posted: Sequence[tuple[Letter, str | None]]) -> dict[str, Letter]:
    sent: dict[str, Letter] = {}
    for start in range(0, len(posted), BATCH):
        portion = posted[start : start + BATCH]
        entries: Any = [
            letter.entry(str(place), copy_of=original) for place, (letter, original) in enumerate(portion)
        ]
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        sent |= {one["MessageId"]: portion[int(one["Id"])][0] for one in answer["Successful"]}
    return sent


def _attributes(rng: random.Random) -> frozenset[Attribute]:
    choices: list[Attribute] = [
        ("word", "String", "Grüße 😀", None),
        ("amount", "Number.int", str(rng.randrange(10**9)), None),
        ("bytes", "Binary", None, (b"\x00\xff" + rng.randbytes(9)).hex()),
        ("image", "Binary.png", None, rng.randbytes(64).hex()),
    ]
    return frozenset(rng.sample(choices, rng.randrange(len(choices) + 1)))
