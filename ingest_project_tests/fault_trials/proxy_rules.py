"""What a fault proxy does to which calls, and how often."""

import random
import threading
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum


class Effect(StrEnum):
    """What happens to a call. The first three are done by the server all the same."""

    LOSE_ANSWER = "lose_answer"
    RESET_MID_BODY = "reset_mid_body"
    SLOW = "slow"
    HANG = "hang"
    SERVER_ERROR = "server_error"
    THROTTLE = "throttle"
    RESET = "reset"
    REFUSE_SOME = "refuse_some"
    STALE_RECEIPTS = "stale_receipts"
    GARBLE = "garble"


GARBLED = "to be changed in transit"


@dataclass
class Rule:
    """An effect on the next `times` calls of an operation, each with a probability.

    `operation` is SQS's action (`DeleteMessageBatch`) or S3's (`GetObject`). Of a batch call, `REFUSE_SOME`
    forwards every second entry and answers for the others that SQS failed, `STALE_RECEIPTS` that their
    receipt handle is no longer good. `GARBLE` changes `GARBLED` wherever it is in the answer.
    """

    operation: str
    effect: Effect
    times: int = 1
    seconds: float = 0.0
    probability: float = 1.0
    hits: int = 0


@dataclass
class Rules:
    """The rules of a proxy, safe to change while it works."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - faults need no secrecy
    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rule: Rule) -> Rule:
        """Have the rule apply from now on; its `hits` tell how often it did."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, operation: str) -> Rule | None:
        """The rule that this call falls under, counted."""
        with self._lock:
            for rule in self._rules:
                if rule.operation == operation and rule.hits < rule.times and self._strikes(rule):
                    rule.hits += 1
                    return rule
        return None

    def _strikes(self, rule: Rule) -> bool:
        return rule.probability >= 1 or self.rng.random() < rule.probability


def operation_of(method: str, path: str, headers: "Message[str, str]") -> str:
    """The name of the AWS operation that a request asks for."""
    target = headers.get("X-Amz-Target", "")
    if target.startswith("AmazonSQS."):
        return target.removeprefix("AmazonSQS.")
    if method == "GET" and "list-type=" not in path and path.count("/") > 1:
        return "GetObject"
    return f"{method} {path.partition('?')[0]}"
