"""The judge of messages that are rows: each is in the table exactly once, as it was sent, or in the DLQ."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingest_project.sources.messages.raw_messages import ORIGINAL_ID
from ingest_project_tests.fault_trials.oracle import Verdict
from ingest_project_tests.fault_trials.raw_workload import Attribute, Letter


@dataclass(frozen=True, slots=True)
class Row:
    """What an independent reader finds in the table."""

    message_id: str
    shown: str
    attributes: frozenset[Attribute]


@dataclass(frozen=True, slots=True)
class Names:
    """The table's columns of the message's id, of what is shown of its body, and of its attributes."""

    message_id: str = "message_id"
    shown: str = "body"
    attributes: str = "message_attributes"

    @property
    def selected(self) -> str:
        """What to select for `rows_of`, in ClickHouse's SQL."""
        one = f"{self.attributes}[name]"
        told = f"(name, {one}.data_type, {one}.string_value, lower(hex({one}.binary_value)))"
        return f"{self.message_id}, {self.shown}, arrayMap(name -> {told}, mapKeys({self.attributes}))"


OF_BODIES = Names("_message_id", "text", "_message_attributes")
"""Of a table with columns of its own, of which one is `text`."""


def rows_of(found: Iterable[Any]) -> list[Row]:
    """The rows that were selected; without the attribute of a redrive."""
    return [
        Row(key, text, frozenset(tuple(value) for value in values if value[0] != ORIGINAL_ID))
        for key, text, values in found
    ]


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What is left of a trial outside the table: the messages in the DLQ, what the ledger says of each
    message, `committed` or its error class, and those whose content the ledger keeps.
    """

    dead: Collection[str]
    recorded: Mapping[str, str]
    kept: Collection[str]


def judge_table(sent: Mapping[str, Letter], rows: Iterable[Row]) -> Verdict:
    """Compare the rows with what was sent, message by message."""
    verdict = Verdict()
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_id[row.message_id].append(row)
    for message_id, letter in sent.items():
        found = by_id.pop(message_id, [])
        if letter.shown is None:
            by_id[message_id] = found
            continue
        verdict.lost += not found
        verdict.duplicated += max(len(found) - 1, 0)
        different = [one for one in found if (one.shown, one.attributes) != (letter.shown, letter.attributes)]
        verdict.wrong += len(different)
        if len(found) != 1 or different:
            verdict.details.append(f"message {message_id} was sent as {letter!r:.300}: {found!r:.600}")
    for message_id, found in by_id.items():
        verdict.wrong += len(found)
        if found:
            verdict.details.append(f"message {message_id} must not be in the table: {found!r:.600}")
    return verdict


def judge_rest(sent: Mapping[str, Letter], left: LeftBehind) -> list[str]:
    """What is in the DLQ or in the ledger and must not be, or must be and is not."""
    poison = {message_id for message_id, letter in sent.items() if letter.shown is None}
    faults: list[str] = []
    if sorted(left.dead) != sorted(poison):
        faults.append(f"the DLQ must have {sorted(poison)}, and has {sorted(left.dead)}")
    if sorted(left.kept) != sorted(poison):
        faults.append(f"the ledger must keep the contents of {sorted(poison)}, and has {sorted(left.kept)}")
    if unknown := left.recorded.keys() - sent.keys():
        faults.append(f"the ledger has messages that nobody sent: {sorted(unknown)}")
    for message_id in sent:
        said = left.recorded.get(message_id)
        if (said == "committed") == (message_id in poison) or said is None:
            faults.append(f"the ledger says {said} of message {message_id}")
    return faults
