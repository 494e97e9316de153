"""What lies in dead-letter queues and why, and what a redrive did: for people, and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from ingest_project.ingestion.dead_letters.letter import DeadLetter
from ingest_project.ingestion.dead_letters.results import Look, Redriven
from ingest_project.reports.counted_bar import CountedBar
from ingest_project.reports.listing import Listing
from ingest_project.reports.terminal import cell
from ingest_project.settings.wording import clipped, plural

BODY_IN_A_CELL = 60
REASONS_IN_A_CELL = 3
OBJECTS_IN_A_CELL = 3


def what_it_names(letter: DeadLetter) -> str:
    """Its first objects; the start of its body if none is known."""
    if not letter.objects:
        return clipped(letter.body_start, BODY_IN_A_CELL)
    more = len(letter.objects) - OBJECTS_IN_A_CELL
    shown = ", ".join(letter.objects[:OBJECTS_IN_A_CELL])
    return f"{shown} and {more:,} more" if more > 0 else shown


def why_it_is_there(letter: DeadLetter) -> str:
    """Its first reasons in one line."""
    more = len(letter.reasons) - REASONS_IN_A_CELL
    shown = "; ".join(letter.reasons[:REASONS_IN_A_CELL])
    return f"{shown}; and {more:,} more" if more > 0 else shown


def age(letter: DeadLetter, now: datetime) -> str:
    """How long ago it was sent: `3d 4h`, `25m 10s`, `12s`."""
    seconds = max(0, int((now - letter.sent_at) / timedelta(seconds=1)))
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    place = next((place for place, (_, size) in enumerate(units) if seconds >= size), len(units) - 1)
    unit, size = units[place]
    below, part = units[min(place + 1, len(units) - 1)]
    rest = seconds % size // part if size > part else 0
    return f"{seconds // size}{unit}" + (f" {rest}{below}" if rest else "")


def remark(found: Look | Redriven) -> str | None:
    """A warning about the DLQ itself."""
    if found.max_receive_count is None:
        return None
    return (
        f"{found.dlq} has a redrive policy of its own: after {plural(found.max_receive_count, 'receive')}, "
        "looks included, SQS moves a message on"
    )


def render_look(look: Look, console: Console, now: datetime) -> None:
    """Print the messages of one DLQ, the oldest first."""
    console.print(cell(" ".join(look_lines(look)), "bold"), soft_wrap=True)
    if not look.letters:
        return
    listing = Listing("message", "age", "#receives", "what", "why")
    for one in look.letters:
        listing.add(
            cell(one.message_id), cell(age(one, now)), cell(str(one.message.receive_count)),
            cell(what_it_names(one)), cell(why_it_is_there(one)),
        )  # fmt: skip
    listing.print(console, name="message")


def look_lines(look: Look) -> Iterator[str]:
    """How many messages there are, and how many of them are shown."""
    yield f"{look.dlq}, the DLQ of {look.queue}: {plural(look.messages, 'message')}."
    if look.seen > len(look.letters):
        yield f"{len(look.letters):,} of the {look.seen:,} that were looked at match."
    if look.messages > look.seen:
        yield "The others are in flight, or beyond --limit, or behind others of their group."


def look_answer(look: Look, now: datetime) -> dict[str, Any]:
    """The look as JSON."""
    return {
        "queue": look.queue, "dlq": look.dlq, "messages": look.messages, "looked_at": look.seen,
        "letters": [
            {
                "message_id": one.message_id, "original_id": one.original_id, "sent_at": one.sent_at,
                "age_seconds": int((now - one.sent_at).total_seconds()),
                "receive_count": one.message.receive_count, "objects": list(one.objects),
                "error_classes": list(one.error_classes), "reasons": list(one.reasons),
                "is_ingested": one.is_ingested, "body_start": one.body_start,
            }
            for one in look.letters
        ],
    }  # fmt: skip


def redrive_lines(done: Redriven) -> Iterator[str]:
    """What became of the messages of one DLQ."""
    would = "Would move" if done.dry_run else "Moved"
    yield f"{would} {plural(done.moved, 'message')} from {done.dlq} to {done.queue}."
    if done.already_ingested:
        verb = "Would delete" if done.dry_run else "Deleted"
        yield (
            f"{verb} {plural(done.already_ingested, 'message')} instead, because all that they name is "
            "ingested or settled already."
        )
    if done.kept:
        yield f"Left {plural(done.kept, 'message')} that did not match."
    if done.of_others:
        yield f"Left {plural(done.of_others, 'message')} of other queues that share the DLQ."
    for code, count in done.refused.most_common():
        ids = ", ".join(done.refused_ids[code]) + (", ..." if count > len(done.refused_ids[code]) else "")
        verb = "stays" if count == 1 else "stay"
        yield f"{plural(count, 'message')} {verb} in the DLQ ({code}): {done.reasons[code]} (message {ids})"
    if done.undeleted:
        yield (
            f"{plural(done.undeleted, 'message')} could not be deleted from the DLQ; run it again. "
            "Nothing is ingested twice."
        )
    if done.stopped is not None:
        yield f"Stopped: {done.stopped}. Run it again for the rest; nothing is ingested twice."


def redrive_answer(done: Redriven) -> dict[str, Any]:
    """The result as JSON."""
    refused = [
        {"code": code, "messages": count, "reason": done.reasons[code], "ids": done.refused_ids[code]}
        for code, count in done.refused.most_common()
    ]
    counts = asdict(done)
    return {
        key: counts[key]
        for key in (
            "queue", "dlq", "dry_run", "moved", "already_ingested", "kept", "of_others", "undeleted",
            "stopped",
        )
    } | {"refused": refused}  # fmt: skip


class RedriveProgress(CountedBar):
    """How many messages of one DLQ were looked at, and what became of them."""

    def __init__(self, name: str) -> None:
        super().__init__(f"redriving {name}")

    def show(self, done: Redriven) -> None:
        """Show how far it is."""
        failed = f", {done.failed:,} failed" if done.failed else ""
        counts = f"{done.moved:,} moved, {done.already_ingested:,} ingested already{failed}"
        # SQS's count is approximate.
        self.update(completed=done.looked_at, counts=counts, total=max(done.messages, done.looked_at))
