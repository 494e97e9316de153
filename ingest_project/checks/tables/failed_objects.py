"""Whether objects of a table failed alone: their rows are not in the table, and their runs did not fail."""

from ingest_project.checks.tables.verdict import Cell, Fact, Records, Verdict
from ingest_project.ledger.unread_objects import UnreadObjects
from ingest_project.settings.error_classes import ERROR_CLASSES
from ingest_project.settings.model import TableSettings

SHOWN = 10


def judge_failed_objects(table: TableSettings, found: UnreadObjects) -> Verdict:
    """Fails while an object that failed, or was parked by `on_error`, is neither settled nor superseded."""
    if not found.total:
        return Verdict("failed_objects", True, "error", "no object has failed", {"failed_objects": 0})
    failed = found.total - found.parked
    facts: dict[str, Fact] = {
        "failed_objects": failed,
        "parked_objects": found.parked,
        "by_class": Records(("error_class", "objects", "cleared_by"), tuple(_classes(found))),
        "newest": Records(("object", "error_class", "reason"), tuple(_newest(found))),
        "what_to_do": f"fix the cause, then `ingest retry --table {table.name}` or the job ledger_retry; a "
        "new write of the key clears a failure; if the object will not come, materialize its partition or "
        f"`ingest dismiss` it. `ingest history {table.name} --state failed` lists all of them",
    }
    return Verdict("failed_objects", False, "error" if failed else "warn", _said(found), facts)


def _said(found: UnreadObjects) -> str:
    failed = found.total - found.parked
    counts = [
        f"{count:,} {'object' if count == 1 else 'objects'} {what}"
        for count, what in ((failed, "failed"), (found.parked, "parked"))
        if count
    ]
    return f"{', '.join(counts)}: {classes_in_words(found)}"


def classes_in_words(found: UnreadObjects) -> str:
    """`unreadable 3, missing 1`."""
    return ", ".join(f"{name} {count:,}" for name, count in found.by_class.items())


def _classes(found: UnreadObjects) -> list[dict[str, Cell]]:
    known = ERROR_CLASSES
    return [
        {"error_class": name, "objects": count, "cleared_by": known[name].cleared_by if name in known else ""}
        for name, count in found.by_class.items()
    ]


def _newest(found: UnreadObjects) -> list[dict[str, Cell]]:
    return [{"object": one.uri, "error_class": one.error_class, "reason": one.reason} for one in found.newest]
