"""Whether a table's last complete window has about as many rows as earlier ones.

A window is a partition of a table that is partitioned by time, else a day (UTC) of commits. It is compared
with its peers, the same hour of earlier days or the same day of earlier weeks. Until there are enough of
them, it is compared with its neighbours, and then only a tenth or ten times as many rows are unusual.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

from ingest_project.checks.tables.verdict import Cell, Fact, Records, Verdict
from ingest_project.checks.tables.windows import SEASON, Window
from ingest_project.settings.partition_windows import PartitionEvery

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
    """Earlier windows with their rows, newest first, and the factor by which a count may differ."""

    counts: Counts
    factor: int
    what: str

    @property
    def expected(self) -> tuple[float, float]:
        """The range of usual counts: robust against a few outliers among the earlier windows."""
        rows = [count for _, count in self.counts]
        middle = median(rows)
        spread = DEVIATIONS * SIGMA * median(abs(count - middle) for count in rows)
        return (
            max(0.0, min(middle / self.factor, middle - spread)),
            max(middle * self.factor, middle + spread),
        )


def no_rows_yet() -> Verdict:
    """The verdict on a table that never had rows."""
    return Verdict("row_count", True, "warn", "no rows yet")


def judge_row_count(every: PartitionEvery, windows: Iterable[Window], count_rows: CountRows) -> Verdict:
    """Fails if the count of the newest window is unusual; the windows come newest first."""
    known = list(islice(windows, 1 + PEERS * SEASON[every]))
    if not known:
        return Verdict("row_count", True, "warn", "no partition is over yet")
    ((latest, rows),) = count_rows(known[:1])
    sample = _sample(every, known[1:], count_rows)
    if sample is None:
        said = f"{latest.key} has {_rows(rows)}; there are too few earlier ones to compare it with"
        return Verdict("row_count", True, "warn", said, {"partition": latest.key, "rows": rows})
    low, high = sample.expected
    said = f"{latest.key} has {_rows(rows)}; from {low:,.0f} to {high:,.0f} were expected after {sample.what}"
    return Verdict("row_count", low <= rows <= high, "warn", said, _facts(latest, rows, sample))


def _rows(count: int) -> str:
    return {0: "no rows", 1: "1 row"}.get(count, f"{count:,} rows")


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
    """The counts without those before the table's first rows."""
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
