"""A preview as plain values, for programs."""

from dataclasses import asdict
from typing import Any

from ingest_project.preview.entry import entry_lines
from ingest_project.preview.option_words import option_answers
from ingest_project.preview.preview import Preview
from ingest_project.preview.queue_look import QueueLook
from ingest_project.sources.object_version import ObjectVersion


def preview_answer(preview: Preview, queue: str) -> dict[str, Any]:
    """All that `render_preview` shows, and the entry that `--write` adds, for this queue."""
    listing, found = preview.listing, preview.partitions
    sizes = listing.sizes
    return {
        "uri": preview.place.uri,
        "table": preview.table,
        "objects": {
            "count": len(listing.objects),
            "is_cut": listing.is_cut,
            "empty": listing.empty,
            "passed_over": listing.passed_over,
            "total_bytes": listing.total_bytes,
            "smallest_bytes": sizes[0] if sizes else None,
            "median_bytes": sizes[1] if sizes else None,
            "largest_bytes": sizes[2] if sizes else None,
            "first": listing.objects[0].key if listing.objects else None,
            "last": listing.objects[-1].key if listing.objects else None,
            "extensions": listing.extensions,
        },
        "sampled": [asdict(one) for one in preview.objects],
        "format": preview.format,
        **option_answers(preview.format, preview.options),
        "suffix": preview.suffix,
        "columns": [{**asdict(one), "nullable": one.is_nullable} for one in preview.columns],
        "rows": [dict(row) for row in preview.rows],
        "partition": None
        if found is None
        else {
            **found.settings.model_dump(by_alias=True, exclude_unset=True, exclude_none=True),
            "count": found.count,
            "first": found.first,
            "last": found.last,
        },
        "partition_spec": list(preview.partition_spec),
        "mapping": None if preview.mapping is None else asdict(preview.mapping),
        "notes": list(preview.notes),
        "entry": "".join(f"{line}\n" for line in entry_lines(preview, queue)) if preview.is_found else None,
    }


def look_answer(look: QueueLook) -> dict[str, Any]:
    """What was looked at in a queue, the objects by their URIs."""
    fields = {name: getattr(look, name) for name in QueueLook.__slots__}
    return {**fields, "objects": [_uri(one) for one in look.objects]}


def _uri(one: ObjectVersion) -> str:
    return one.uri
