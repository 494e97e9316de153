"""Whether a table's last commit is no older than `fresh_within`."""

from datetime import datetime, timedelta

from ingest_project.checks.tables.verdict import Fact, Verdict, length_in_words
from ingest_project.ledger.report import CommittedRows


def judge_freshness(longest_silence: timedelta, last: CommittedRows | None, now: datetime) -> Verdict:
    """Fails if the last commit is longer ago, or there was none."""
    promised: dict[str, Fact] = {"fresh_within_seconds": longest_silence.total_seconds()}
    promise = f"one within {length_in_words(longest_silence)} is promised"
    if last is None:
        return Verdict("freshness", False, "error", f"nothing was ever committed; {promise}", promised)
    age = max(now - last.committed_at, timedelta())
    said = f"the last commit was at {last.committed_at:%Y-%m-%d %H:%M:%S} UTC; {promise}"
    facts: dict[str, Fact] = {
        "last_commit": last.committed_at,
        "age_seconds": round(age.total_seconds(), 3),
        "last_batch": last.batch_id,
        **promised,
    }
    return Verdict("freshness", age <= longest_silence, "error", said, facts)
