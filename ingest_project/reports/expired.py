"""What an expiry did to a table, in words."""

from typing import TYPE_CHECKING

from ingest_project.settings.wording import plural

if TYPE_CHECKING:
    from ingest_project.iceberg.expiry.expire import Expired


def expiry_line(expired: "Expired", *, dry_run: bool = False) -> str:
    """How many snapshots and files went, the bytes, and what is left."""
    if expired.refused is not None:
        return f"{expired.table}: nothing expired; {expired.refused}"
    would = "would expire" if dry_run else "expired"
    parts = [f"{plural(expired.snapshots, 'snapshot')} {would}", f"{expired.kept:,} kept{_since(expired)}"]
    if expired.files:
        deleted = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in expired.files.items())
        verb = "would be deleted" if dry_run else "deleted"
        parts.append(
            f"{plural(expired.file_count, 'file')} of {plural(expired.size_bytes, 'byte')} {verb}: {deleted}"
        )
    if expired.completed:
        earlier = plural(expired.completed, "earlier expiry").replace("expirys", "expiries")
        parts.append(f"{earlier} {'would be ' if dry_run else ''}completed")
    return f"{expired.table}: {'; '.join(parts)}"


def _since(expired: "Expired") -> str:
    return "" if expired.oldest_kept is None else f" since {expired.oldest_kept:%Y-%m-%d %H:%M} UTC"
