"""Whether a table's last full window brought about as many rows as those before.

A window is a partition of a table that is partitioned by time, else a day (UTC) of commits. It is compared with those
like it, the same hour of earlier days or the same day of earlier weeks; until there are enough of them, with its
neighbours, and then only a tenth or ten times as many rows are remarkable.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from ingest_project.settings.model import PartitionEvery
from ingest_project.table_checks.verdict import Cell, Fact, Records, Verdict
from ingest_project.table_checks.windows import SEASON, Window

PEERS = 6
FEWEST_PEERS = 4
NEIGHBOURS = 14
FEWEST_NEIGHBOURS = 7
PEER_FACTOR = 2
NEIGHBOUR_FACTOR = 10
DEVIATIONS = 5
SIGMA = 1.4826
"""The median absolute deviation of a normal distribution, times this, is its standard deviation."""

Counts = Sequence[tuple[Window, int]]
CountRows = Callable[[Sequence[Window]], Counts]


@dataclass(frozen=True, slots=True)
class Sample:
    """Earlier windows with their rows, newest first, and by which factor of their median a count may be off."""

    counts: Counts
    factor: int
    what: str

    @property
    def expected(self) -> tuple[float, float]:
        """The range of rows that is nothing unusual: robust against a few odd windows among the earlier ones."""
        rows = [count for _, count in self.counts]
        middle = median(rows)
        spread = DEVIATIONS * SIGMA * median(abs(count - middle) for count in rows)
        return (
            max(0.0, min(middle / self.factor, middle - spread)),
            max(middle * self.factor, middle + spread),
        )


def judge_row_count(every: PartitionEvery, windows: Iterable[Window], count_rows: CountRows) -> Verdict:
    """Bad if the newest of these windows, which come newest first, is far from its like."""
    known = list(islice(windows, 1 + PEERS * SEASON[every]))
    if not known:
        return Verdict("row_count", True, "warn", "no partition is over yet")
    ((latest, rows),) = count_rows(known[:1])
    sample = _sample(every, known[1:], count_rows)
    if sample is None:
        said = f"{latest.key} has {rows:,} rows; there is too little before it to compare it with"
        return Verdict("row_count", True, "warn", said, {"partition": latest.key, "rows": rows})
    low, high = sample.expected
    said = f"{latest.key} has {rows:,} rows; from {low:,.0f} to {high:,.0f} were expected after {sample.what}"
    return Verdict("row_count", low <= rows <= high, "warn", said, _facts(latest, rows, sample))


def _sample(every: PartitionEvery, earlier: Sequence[Window], count_rows: CountRows) -> Sample | None:
    season = SEASON[every]
    peers = _history(count_rows(earlier[season - 1 :: season][:PEERS]))
    if len(peers) >= FEWEST_PEERS:
        return Sample(peers, PEER_FACTOR, f"the {len(peers)} like it")
    neighbours = _history(count_rows(earlier[:NEIGHBOURS])) if season > 1 else []
    if len(neighbours) >= FEWEST_NEIGHBOURS:
        return Sample(neighbours, NEIGHBOUR_FACTOR, f"the {len(neighbours)} before it")
    return None


def _history(counts: Counts) -> Counts:
    """Without those before the table's first rows."""
    filled = [place for place, (_, rows) in enumerate(counts) if rows]
    return counts[: filled[-1] + 1] if filled else []


def _facts(latest: Window, rows: int, sample: Sample) -> dict[str, Fact]:
    low, high = sample.expected
    compared: list[dict[str, Cell]] = [
        {"partition": window.key, "rows": count} for window, count in sample.counts
    ]
    return {
        "partition": latest.key,
        "rows": rows,
        "median_rows": float(median(count for _, count in sample.counts)),
        "expected_from": round(low, 1),
        "expected_to": round(high, 1),
        "compared_with": Records(("partition", "rows"), tuple(compared)),
    }
