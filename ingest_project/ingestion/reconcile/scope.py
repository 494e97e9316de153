"""Which objects of a table are compared: by prefix, and by the time at which they were written."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest_project.settings.model import TableSettings

GRACE = timedelta(hours=1)
"""How old an object must be by default before it counts as missing: its event may still be on its way."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What to compare: keys with this prefix, written in `[since, until)`; None: at any time.

    Objects that are younger than `grace` are not judged.
    """

    prefix: str
    since: datetime | None = None
    until: datetime | None = None
    grace: timedelta = GRACE

    def has_key(self, key: str) -> bool:
        return key.startswith(self.prefix)

    def has_time(self, written_at: datetime) -> bool:
        after = self.since is None or written_at >= self.since
        return after and (self.until is None or written_at < self.until)


def scope_of(
    table: TableSettings,
    *,
    prefix: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    grace: timedelta = GRACE,
) -> Scope:
    """The scope within a table's route. Raises ValueError, with the remedy, also for a table of messages.

    S3 compares prefixes as texts: it does not resolve `..` and does not ignore an empty segment, so a prefix
    that looks like a path would match nothing, and the answer would look as if nothing were missing.
    """
    if table.is_of_messages:
        raise ValueError(f"{table.name} has messages of {table.source}, and SQS does not list what it had")
    if since is not None and until is not None and since >= until:
        raise ValueError(f"nothing is since {since:%Y-%m-%dT%H:%M} and before {until:%Y-%m-%dT%H:%M}")
    if prefix is None:
        return Scope(table.prefix, since, until, grace)
    if not prefix.startswith(table.prefix):
        raise ValueError(
            f"the prefix {prefix!r} is not within {table.prefix!r}, the prefix of {table.name}; write it "
            "from the start of the key, without s3:// and bucket"
        )
    if fault := _path_fault(prefix, table.prefix):
        raise ValueError(f"the prefix {prefix!r} has {fault}, which S3 takes literally; {REMEDY}")
    return Scope(prefix, since, until, grace)


REMEDY = "write the prefix as keys have it, or a shorter one: keys with `//` or `..` are compared too"


def _path_fault(prefix: str, of_table: str) -> str | None:
    """What looks like a path in that part of the prefix that is below the table's."""
    if "//" in prefix[max(len(of_table) - 1, 0) :]:
        return "an empty segment (`//`)"
    first, *others = prefix.removeprefix(of_table).split("/")
    is_whole = not of_table or of_table.endswith("/")  # else the table's prefix has a part of the first one
    dots = [one for one in ([first] if is_whole else []) + others if one in {".", ".."}]
    return f"the segment `{dots[0]}`" if dots else None


def scheduled_scope(table: TableSettings, now: datetime) -> Scope:
    """What the table's settings ask for: all objects, or those of a window, without the youngest."""
    if table.reconcile is None:
        return Scope(table.prefix)
    window = table.reconcile.window_length
    since = None if window is None else now - window
    return Scope(table.prefix, since, None, table.reconcile.grace_length)
