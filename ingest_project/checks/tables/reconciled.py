"""Whether S3, the ledger and a table agree about what was ingested."""

from ingest_project.checks.tables.verdict import Cell, Fact, Records, Verdict
from ingest_project.ingestion.reconcile.result import Finding, Reconciled
from ingest_project.settings.model import TableSettings
from ingest_project.settings.wording import plural

COLUMNS = ("finding", "object", "version", "written", "size_bytes")

REMEDIES: dict[Finding, str] = {
    Finding.MISSING: "no event came for them: `ingest reconcile {table} --enqueue`, or the job "
    "ledger_reconcile with `enqueue`, ingests them; `ingest check` looks at the bucket's notification",
    Finding.CHANGED: "no event came for their newer writes: the same",
    Finding.UNKNOWN: "the ledger was lost or replaced in part: stop the sensors and run "
    "`ingest ledger recover`",
    Finding.GONE: "if their rows are to go too, materialize their partitions",
}

WHAT: dict[Finding, tuple[str, str]] = {
    Finding.MISSING: ("object is missing", "objects are missing"),
    Finding.CHANGED: ("object has changed", "objects have changed"),
    Finding.UNKNOWN: (
        "object has rows that the ledger does not know", "objects have rows that the ledger does not know",
    ),
    Finding.GONE: ("object is gone from S3", "objects are gone from S3"),
}  # fmt: skip


def judge_reconciled(table: TableSettings, result: Reconciled) -> Verdict:
    """Fails if something is missing, changed or unknown, also if it was enqueued just now.

    What is gone from S3 is only told: many landing zones delete their objects after some days.
    """
    facts: dict[str, Fact] = {
        "listed": result.listed,
        **{name: count for name, count in result.known.items()},  # noqa: C416 - copies into wider types
        **{finding.value: count for finding, count in result.found.items()},
        "enqueued": result.enqueued,
        "compared_with": f"{result.source}, prefix {result.prefix!r}",
    }
    if result.left:
        facts["not_enqueued"] = result.left
    if result.since is not None:
        facts["since"] = result.since
    if result.until is not None:
        facts["until"] = result.until
    if result.examples:
        facts["examples"] = Records(COLUMNS, tuple(_example(result)))
    remedies = [REMEDIES[one].format(table=table.name) for one in result.found]
    if remedies:
        facts["what_to_do"] = "; ".join(remedies)
    return Verdict("reconciled", result.is_even, "warn", said(result), facts)


def said(result: Reconciled) -> str:
    """`3 objects are missing, 1 object has changed; 4 are enqueued`."""
    differences = [f"{count:,} {WHAT[one][count != 1]}" for one, count in result.found.items()]
    if not differences:
        return f"S3, the ledger and the table agree about {plural(result.listed, 'object')}"
    enqueued = [f"{result.enqueued:,} enqueued"] if result.enqueued else []
    return "; ".join([", ".join(differences), *enqueued])


def _example(result: Reconciled) -> list[dict[str, Cell]]:
    return [
        {
            "finding": one.finding.value, "object": one.uri, "version": one.version,
            "written": one.written_at, "size_bytes": one.size_bytes,
        }
        for one in result.examples
    ]  # fmt: skip
