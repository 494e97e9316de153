"""The sections of the page about what grows with history, and about the time from put to row."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles

from ingest_project_tests.bench.growth.referee import Point
from ingest_project_tests.bench.report import texts
from ingest_project_tests.bench.report.chart import Bars
from ingest_project_tests.bench.report.markdown import plot, table
from ingest_project_tests.bench.report.record import Growth, Latency

FLAT = 1.5
"""How many times as long a step may take at the longest history as at the shortest one."""


def growth(found: Growth, plots: Path) -> Iterator[str]:
    """A table for the Iceberg table and each database, and one plot."""
    yield texts.GROWTH.format(limit=FLAT)
    yield texts.made(found.made)
    bars = []
    for where in dict.fromkeys(one.where for one in found.points):
        points = [one for one in found.points if one.where == where]
        sizes = [*dict.fromkeys(one.size for one in points)]
        steps = {
            step: [one for one in points if one.step == step]
            for step in dict.fromkeys(p.step for p in points)
        }
        yield table((where, *(f"{size:,}" for size in sizes), ""), [_row(*one) for one in steps.items()])
        bars += [
            Bars(f"{where}: {step}", {f"at {one.size:,}": _multiple(one, some) for one in some[1:]})
            for step, some in steps.items()
            if len(some) > 1
        ]
    yield plot(plots, "growth", "time as a multiple of the shortest history's", bars, limit=FLAT)


def latency(found: Latency, plots: Path) -> Iterator[str]:
    """Median, 99th percentile and the longest of all."""
    yield texts.LATENCY.format(objects=len(found.seconds), every=found.every_seconds)
    yield texts.made(found.made)
    cuts = quantiles(found.seconds, n=100, method="inclusive")
    shown = {"least": min(found.seconds), "p50": cuts[49], "p99": cuts[98], "most": max(found.seconds)}
    yield table(("objects", *shown), [[str(len(found.seconds)), *(f"{one:.2f}" for one in shown.values())]])
    bars = [Bars(name, {"": one}) for name, one in shown.items()]
    yield plot(plots, "latency", "seconds from put to row", bars)


def _row(step: str, points: Sequence[Point]) -> list[str]:
    cells = [f"{one.median * 1000:,.1f} ms ({_multiple(one, points):.2f})" for one in points]
    return [step, *cells, "met" if _multiple(points[-1], points) <= FLAT else "**missed**"]


def _multiple(one: Point, points: Sequence[Point]) -> float:
    return median(one.seconds) / median(points[0].seconds)
