"""The sections of the page about writing and draining: each contestant beside the project."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from ingest_project_tests.bench.drain.contestants import BARE
from ingest_project_tests.bench.report import texts
from ingest_project_tests.bench.report.chart import Bars
from ingest_project_tests.bench.report.markdown import plot, table
from ingest_project_tests.bench.report.record import Comparison
from ingest_project_tests.bench.rounds import PROJECT, Ratio, Result, ratio
from ingest_project_tests.bench.write.contestants import APPEND, FLOOR
from ingest_project_tests.bench.write.referee import case_of

ANY_CASE = ""
LIMITS = {(ANY_CASE, APPEND): 1.0, (case_of(365), FLOOR): 1.3, (ANY_CASE, BARE): 1.2}
"""How many times as long as a contestant the project may take."""
TEXTS = {"write": texts.WRITE, "drain": texts.DRAIN}


def section(found: Comparison, plots: Path) -> Iterator[str]:
    """The words, the table and the plot of this part."""
    yield TEXTS[found.part].format(amount=found.amount)
    yield texts.made(found.made)
    yield table(texts.COMPARISON_HEAD, [_row(found, one) for one in found.results])
    cases = [*dict.fromkeys(one.case for one in found.results)]
    bars = [
        Bars(case, {one.contestant: one.median for one in found.results if one.case == case and one.median})
        for case in cases
    ]
    yield plot(plots, found.part, f"{found.part}: seconds (less is better)", bars)


def _row(found: Comparison, one: Result) -> list[str]:
    if one.median is None:
        return [one.case, one.contestant, f"refused: {one.refused}", *[""] * (len(texts.COMPARISON_HEAD) - 3)]
    seconds = f"{min(one.seconds):.2f} / {one.median:.2f} / {max(one.seconds):.2f}"
    cells = [one.case, one.contestant, seconds, f"{median(one.cpu_seconds):.2f}", f"{max(one.peak_mib):,.0f}"]
    beside = ratio(found.results, (one.case, PROJECT), (one.case, one.contestant))
    if one.contestant == PROJECT or beside is None:
        return [*cells, "", "", "", ""]
    return [*cells, f"{beside.clock:.2f}", f"{beside.cpu:.2f}", *_verdict(one, beside)]


def _verdict(one: Result, beside: Ratio) -> tuple[str, str]:
    limit = LIMITS.get((one.case, one.contestant), LIMITS.get((ANY_CASE, one.contestant)))
    if limit is None:
        return "", ""
    return f"{limit:g}", "met" if beside.clock <= limit else "**missed**"
