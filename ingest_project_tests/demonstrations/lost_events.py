"""A reconciliation finds the objects whose events were lost, and those that were overwritten unseen."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from ingest_project_tests.demonstrations.shown import TABLE, Shown, expect, tell, told
from ingest_project_tests.e2e.world import BUCKET
from ingest_project_tests.ingestion.reconcile.inventories import (
    INVENTORIES,
    Rows,
    as_csv,
    as_parquet,
    listed,
    manifest_of,
    put_inventory,
)

DROPPED_SHARE, OVERWRITTEN_SHARE = 0.015, 0.0025
"""300 and 50 of 20,000."""
WAITING = "select 's3://' || bucket || '/' || key, version_id from object_versions where state = 'pending'"
NOW = ("--grace", "0s")
LISTS: dict[str, Callable[[Rows], bytes] | None] = {
    "a listing": None, "an inventory in CSV": as_csv, "an inventory in Parquet": as_parquet,
}  # fmt: skip


def show(shown: Shown, count: int) -> None:
    """In each round some events are lost; what is found is found by a listing, or by an inventory."""
    shown.open(max_messages_per_tick=100_000)
    shown.s3.create_bucket(Bucket=INVENTORIES)
    dropped, overwritten = round(count * DROPPED_SHARE), round(count * OVERWRITTEN_SHARE)
    numbers = list(range(count + 2 * dropped))
    random.Random(7).shuffle(numbers)  # noqa: S311 - which of them, not a secret
    known = numbers[: count - dropped]
    with told(f"{len(known):,} objects put, announced, received and ingested"):
        shown.put(known, announced=True)
        shown.ingest()
    for number, (name, form) in enumerate(LISTS.items()):
        lost = numbers[len(known) : len(known) + dropped]
        shown.put(lost, announced=False)
        again = random.Random(number).sample(known, overwritten)  # noqa: S311
        shown.put(again, announced=False)
        _round(shown, name, form, dropped, overwritten)
        known += lost
    shown.verify()


def _round(
    shown: Shown,
    name: str,
    form: Callable[[Rows], bytes] | None,
    dropped: int,
    overwritten: int,
) -> None:
    """Find what was lost, enqueue it, ingest it, and find nothing more."""
    in_table = {uri: version for uri, version, _ in shown.rows(TABLE)}
    lost = {uri: version for uri, version in shown.held.items() if in_table.get(uri) != version}
    done = shown.answer("reconcile", TABLE, *NOW, *_inventory(shown, form), "--enqueue", exits=0)
    expect("what is found", done["found"], {"missing": dropped, "changed": overwritten})
    tell(f"  by {name}: {done['listed']:,} compared, found {done['found']}, known {done['known']}")
    expect("enqueued", (done["enqueued"], done["left"]), (dropped + overwritten, 0))
    expect("claimed versions", dict(shown.ledger(WAITING)), lost)
    tell(f"  --enqueue: {done['enqueued']:,} claimed, and just these {len(lost):,} versions")
    with told("ingested"):
        shown.ingest()
    rest = shown.answer("reconcile", TABLE, *NOW, *_inventory(shown, form), exits=0)
    expect("found afterwards", (rest["found"], rest["even"]), ({}, True))
    tell(f"  again: {rest['listed']:,} compared, found nothing, known {rest['known']}")


def _inventory(shown: Shown, form: Callable[[Rows], bytes] | None) -> tuple[str, ...]:
    """The options that name a new inventory of this form; none for a listing."""
    if form is None:
        return ()
    body = form(listed(shown.s3, BUCKET))
    manifest = manifest_of(BUCKET, body, "CSV" if form is as_csv else "Parquet", datetime.now(UTC))
    return ("--inventory", put_inventory(shown.s3, body, manifest))
