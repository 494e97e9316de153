"""Messages that are rows: some are poison, some are delivered twice; then they are mended, and redriven.

One queue has bodies of all kinds; its poison is changed in transit, so that its MD5 is wrong. The bodies of
the other one are JSON; its poison are numbers too large for their column, and bodies that are not JSON.
"""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from ingest_project.sources.sqs.message import Receipt
from ingest_project_tests.demonstrations.shown import Shown, expect, tell, told
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.proxy_rules import GARBLED, Effect, Rule
from ingest_project_tests.fault_trials.raw_oracle import OF_BODIES, Names, judge_table, rows_of
from ingest_project_tests.fault_trials.raw_workload import Letter, json_letters, raw_letters, send

POISON_SHARE, TWICE_SHARE, LISTS_SHARE = 0.01, 0.1, 0.02
MAX_RECEIVES = 3
TOO_LARGE = 2**31
LISTS = ("texts", "binaries")
VISIBILITY_SECONDS = 300
IN_TABLE = "select count(*) from object_versions where table_name = :table and state = 'committed'"


@dataclass(frozen=True, slots=True)
class WithLists(Letter):
    """Also with attributes of list values. SQS itself does not take these today; the emulator does."""

    texts: tuple[str, ...] = ()
    binaries: tuple[bytes, ...] = ()

    def entry(self, name: str, *, copy_of: str | None = None) -> dict[str, Any]:
        entry = Letter.entry(self, name, copy_of=copy_of)
        entry["MessageAttributes"] |= {
            "texts": {"DataType": "String.list", "StringListValues": list(self.texts)},
            "binaries": {"DataType": "Binary.list", "BinaryListValues": list(self.binaries)},
        }
        return entry


@dataclass
class Feed:
    """One queue and its table. `poison` are the bodies that cannot be ingested before `mended` is set."""

    queue: str
    letters: list[Letter]
    poison: dict[str, str]
    """The body of each message of poison, with what its row shows of it later."""
    settings: dict[str, Any]
    mended: dict[str, Any]
    names: Names = field(default_factory=Names)
    quarantined: frozenset[str] = frozenset()
    """Bodies that are in the quarantine at the end, not in the table."""
    sent: dict[str, Letter] = field(default_factory=dict)

    @property
    def table(self) -> str:
        return f"shown.{self.queue}"

    @property
    def dead(self) -> set[str]:
        """The ids of the poison."""
        return {message_id for message_id, one in self.sent.items() if one.body in self.poison}

    def expected(self, *, mended: bool) -> dict[str, Letter]:
        """What the table must show of each message."""
        shown = {
            body: text if mended and body not in self.quarantined else None
            for body, text in self.poison.items()
        }
        return {
            message_id: replace(one, shown=shown[one.body]) if one.body in shown else one
            for message_id, one in self.sent.items()
        }


def show(shown: Shown, count: int) -> None:
    """Send, deliver some twice, find the poison in the DLQs, mend, redrive; and look at the tables."""
    rng = random.Random(12)  # noqa: S311 - a workload, not a secret
    poison = max(2, round(count * POISON_SHARE / 2))
    feeds = [_texts(rng, count // 2, poison), _orders(rng, count - count // 2, poison)]
    _open(shown, feeds)
    with told(f"{count:,} messages sent, {2 * poison:,} of them poison"):
        for one in feeds:
            one.sent = send(shown.sqs, shown.queue_url(one.queue), one.letters)
            expect("ids", len(one.sent), len(one.letters))
    with _changed_in_transit(shown):
        for one in feeds:
            _ingest(shown, one, rng)
            _judge(shown, one, mended=False)
            _to_dlq(shown, one)
    for one in feeds:
        _look(shown, one)
    _mend(shown, feeds)
    for one in feeds:
        _redrive(shown, one)
        _judge(shown, one, mended=True)


def _texts(rng: random.Random, count: int, poison: int) -> Feed:
    """Bodies as they are: text, JSON, emoji, a large one; string, number, binary and list attributes."""
    lists = round(count * LISTS_SHARE) + 1
    letters: list[Letter] = [
        *raw_letters(rng, count - poison - lists),
        *(
            WithLists(
                f"with lists {n}", f"with lists {n}", texts=("a", "Grüße 😀", ""), binaries=(b"\0\xff", b"")
            )
            for n in range(lists)
        ),
    ]
    bodies = [f"😀 {GARBLED}, number {number}" for number in range(poison)]
    letters += [Letter(body, body, letters[n].attributes) for n, body in enumerate(bodies)]
    rng.shuffle(letters)
    return Feed("texts", letters, {body: body for body in bodies}, settings={}, mended={})


def _orders(rng: random.Random, count: int, poison: int) -> Feed:
    """Bodies of JSON, for columns of their own."""
    letters = json_letters(rng, count - poison, poison=0)
    large = [json.dumps({"text": f"large 😀 {n}", "number": TOO_LARGE + n}) for n in range(poison // 2)]
    other = [f"not JSON 😀 {number}" for number in range(poison - len(large))]
    letters += [Letter(body, body) for body in (*large, *other)]
    rng.shuffle(letters)
    return Feed(
        "orders", letters, {body: _text_of(body) for body in (*large, *other)},
        settings={"json": {"columns": {"text": "string", "number": "int"}}, "bad_rows": "fail"},
        mended={"json": {"columns": {"text": "string", "number": "long"}}, "bad_rows": "quarantine"},
        names=OF_BODIES, quarantined=frozenset(other),
    )  # fmt: skip


def _text_of(body: str) -> str:
    text: str = json.loads(body)["text"] if body.startswith("{") else ""
    return text


def _open(shown: Shown, feeds: Sequence[Feed]) -> None:
    for one in feeds:
        shown.create_queue(one.queue)
        url = shown.queue_url(one.queue)
        told = shown.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
        policy = json.loads(told["RedrivePolicy"]) | {"maxReceiveCount": str(MAX_RECEIVES)}
        shown.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    shown.write_settings(
        [
            {"name": one.queue, "source": "messages", "visibility_timeout_seconds": VISIBILITY_SECONDS}
            for one in feeds
        ],
        [{"name": one.table, "queue": one.queue, **one.settings} for one in feeds],
    )


@contextmanager
def _changed_in_transit(shown: Shown) -> Iterator[None]:
    """The services of this process reach AWS by a proxy that changes some bodies; afterwards, directly."""
    proxy = FaultProxy(shown.endpoint)
    proxy.rules.add(Rule("ReceiveMessage", Effect.GARBLE, times=10**9))
    os.environ["AWS_ENDPOINT_URL"] = proxy.endpoint
    try:
        yield
    finally:
        os.environ["AWS_ENDPOINT_URL"] = shown.endpoint
        shown.renew()
        proxy.close()


def _ingest(shown: Shown, feed: Feed, rng: random.Random) -> None:
    """Ingest all that can be; SQS delivers some again before their commit, and others after it."""
    good = sorted(feed.sent.keys() - feed.dead)
    twice = rng.sample(good, round(len(feed.sent) * TWICE_SHARE))
    before, after = twice[: len(twice) // 2], twice[len(twice) // 2 :]
    with told(f"{feed.queue}: claimed and committed"):
        expect("messages that are received", _drained(shown, feed, len(feed.sent)), len(feed.sent))
        again = _delivered_again(shown, feed, before)
        while shown.process(feed.queue):
            pass
        again += _delivered_again(shown, feed, after)
        shown.services.acknowledge(feed.queue)
    tell(
        f"  {feed.queue}: {len(feed.sent):,} received; {again:,} of them again, as their visibility timeout "
        f"had expired, {len(before):,} before the commit and {len(after):,} after it"
    )
    expect(f"messages left in {feed.queue}", shown.messages_in(feed.queue), len(feed.dead))


def _drained(shown: Shown, feed: Feed, count: int) -> int:
    received = 0
    while received < count and (messages := shown.services.intake(feed.queue).drain().messages):
        received += messages
    return received


def _delivered_again(shown: Shown, feed: Feed, message_ids: Sequence[str]) -> int:
    """Let the visibility timeout of these messages expire, and receive what SQS then delivers again."""
    _expire(shown, feed, message_ids)
    again = _drained(shown, feed, len(message_ids))
    expect("messages that are delivered again", again, len(message_ids))
    counts = dict(shown.ledger("select message_id, receive_count from messages"))
    expect("their receive counts", {counts[one] for one in message_ids}, {2})
    return again


def _expire(shown: Shown, feed: Feed, message_ids: Iterable[str]) -> None:
    """Let the visibility timeout of these messages end in a second, not in minutes."""
    handles = dict(shown.ledger("select message_id, receipt_handle from messages"))
    receipts = [Receipt(one, handles[one]) for one in message_ids]
    done = shown.services.queue(feed.queue).change_visibility(receipts, timeout_seconds=1)
    expect("receipts that SQS refused", len(done.failed), 0)
    time.sleep(1.2)


def _to_dlq(shown: Shown, feed: Feed) -> None:
    """Ticks, until SQS has moved the poison to the DLQ."""
    ticks = 0
    while shown.messages_in(feed.queue):
        _expire(shown, feed, feed.dead)
        shown.tick(feed.queue)
        ticks += 1
        expect("it takes few ticks", ticks <= 2 * MAX_RECEIVES, True)
    expect(f"messages in the DLQ of {feed.queue}", shown.messages_in(f"{feed.queue}-dlq"), len(feed.dead))


def _look(shown: Shown, feed: Feed) -> None:
    """`ingest dlq` shows just the poison, each with its reason."""
    answer = shown.answer("dlq", feed.queue, "--limit", "10000", exits=0)
    (look,) = answer["queues"]
    expect("ids in the DLQ", sorted(one["message_id"] for one in look["letters"]), sorted(feed.dead))
    reasons = [" ".join(one["reasons"]) for one in look["letters"]]
    words = {"texts": ("MD5",), "orders": ("number", "JSON")}[feed.queue]
    found = Counter(next((word for word in words if word in reason), reason) for reason in reasons)
    expect("reasons", set(found), set(words))
    tell(f"  {feed.queue}-dlq: {len(reasons):,} messages, just the poison; for example:")
    for word in words:
        example = next(reason for reason in reasons if word in reason)
        tell(f"    {found[word]:,} times: {example:.150}")


def _mend(shown: Shown, feeds: Sequence[Feed]) -> None:
    """Change the settings of the tables; the proxy is gone already."""
    for table, one in zip(shown.settings["tables"], feeds, strict=True):
        table.update(one.mended)
        if one.mended:
            tell(f"  mended: {one.table} has {json.dumps(one.mended)}")
    (shown.home / "ingest.yaml").write_text(yaml.safe_dump(shown.settings, sort_keys=False))
    shown.renew()


def _redrive(shown: Shown, feed: Feed) -> None:
    answer = shown.answer("redrive", feed.queue, exits=0)
    (done,) = answer["queues"]
    expect("moved", (done["moved"], done["already_ingested"]), (len(feed.dead), 0))
    with told(f"{feed.queue}: {done['moved']:,} redriven and ingested"):
        shown.ingest(feed.queue)
    expect("messages in the DLQ", shown.messages_in(f"{feed.queue}-dlq"), 0)


def _judge(shown: Shown, feed: Feed, *, mended: bool) -> None:
    """The table, as chdb reads it, has each message that it must have, once, as it was sent."""
    expected = feed.expected(mended=mended)
    rows = rows_of(shown.read(feed.table, feed.names.selected))
    plain = [
        replace(one, attributes=frozenset(value for value in one.attributes if value[0] not in LISTS))
        for one in rows
    ]
    verdict = judge_table(expected, plain)
    expect(f"faults of {feed.table}", (verdict.is_clean, verdict.details[:3]), (True, []))
    _judge_lists(shown, feed)
    _judge_numbers(shown, feed, expected)
    aside = _aside(shown, feed) if mended else []
    expect(f"quarantine of {feed.table}", sorted(aside), sorted(feed.quarantined) if mended else [])
    ids = {one.message_id for one in rows}
    tell(
        f"  {feed.table}, read by chdb: {len(rows):,} rows of {len(ids):,} message ids, as they were sent"
        + (f"; {len(aside):,} in quarantine" if aside else "")
    )
    settled = shown.ledger(IN_TABLE, table=feed.table)
    expect("committed messages of the ledger", settled, [(len(rows) + len(aside),)])


def _judge_lists(shown: Shown, feed: Feed) -> None:
    """List values are there as lists."""
    with_lists = {key: one for key, one in feed.sent.items() if isinstance(one, WithLists)}
    if not with_lists:
        return
    texts, binaries = "message_attributes['texts']", "message_attributes['binaries']"
    values = f"{texts}.string_list_values, arrayMap(one -> lower(hex(one)), {binaries}.binary_list_values)"
    found = shown.read(feed.table, f"message_id, {values}", "where mapContains(message_attributes, 'texts')")
    expected = {key: (list(one.texts), [b.hex() for b in one.binaries]) for key, one in with_lists.items()}
    expect("list values", {key: (one, other) for key, one, other in found}, expected)


def _judge_numbers(shown: Shown, feed: Feed, expected: Mapping[str, Letter]) -> None:
    if feed.names != OF_BODIES:
        return
    found = {key: int(number) for key, number in shown.read(feed.table, "_message_id, number")}
    sent = {key: json.loads(one.body)["number"] for key, one in expected.items() if one.shown is not None}
    expect("numbers", found, sent)


def _aside(shown: Shown, feed: Feed) -> list[str]:
    """The bodies in the quarantine, whose `raw` is JSON."""
    return [json.loads(raw) for (raw,) in shown.read(f"{feed.table}__quarantine", "raw")]
