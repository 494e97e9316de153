"""docs/performance.md and its plots, made from the JSON of the last run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from ingest_project_tests.bench.path.workload import Workload
from ingest_project_tests.bench.report import history, texts
from ingest_project_tests.bench.report.chart import Bars
from ingest_project_tests.bench.report.comparisons import section
from ingest_project_tests.bench.report.markdown import plot, table
from ingest_project_tests.bench.report.record import (
    Reading,
    WholePath,
    read_comparisons,
    read_growth,
    read_latency,
    read_path,
    read_reading,
)
from ingest_project_tests.bench.report.targets import ORDINARY, Judged, judged, multiples
from ingest_project_tests.bench.rounds import PROJECT, Result

Medians = dict[tuple[str, str], float | None]
"""By case and contestant."""


def write_page(folder: Path) -> Path:
    """Write the page into the folder and its plots into `bench/`, from the JSON there; gives the page."""
    plots = folder / "bench"
    parts = [texts.HEAD]
    if (path := read_path(plots)) is not None:
        parts += [texts.PATH, texts.made(path.made), *_path(path, plots)]
    for one in read_comparisons(plots):
        parts += section(one, plots)
    if (latency := read_latency(plots)) is not None:
        parts += history.latency(latency, plots)
    if (growth := read_growth(plots)) is not None:
        parts += history.growth(growth, plots)
    if (reading := read_reading(plots)) is not None:
        parts += [
            texts.READING.format(rows=reading.rows),
            texts.made(reading.made),
            *_reading(reading, plots),
        ]
    page = folder / "performance.md"
    page.write_text("\n".join(parts))
    return page


def _path(path: WholePath, plots: Path) -> Iterator[str]:
    rates, peaks = [], []
    for workload, size_bytes in zip(path.workloads, path.sizes_bytes, strict=True):
        results = [one for one in path.results if one.case == workload.name]
        timed = [(one.contestant, one, one.median) for one in results if one.median is not None]
        rates.append(Bars(workload.name, {name: _rows(workload, one) / took for name, one, took in timed}))
        peaks.append(Bars(workload.name, {name: max(one.peak_mib) for name, one, _ in timed}))
        yield f"### {workload.name}\n{size_bytes / 1e6:,.0f} MB, {workload.objects * workload.rows:,} rows.\n"
        yield _path_table(workload, results)
    yield plot(plots, "path-rows", "rows per second (more is better)", rates, form=",.0f")
    yield plot(plots, "path-memory", "peak memory of the process, MiB", peaks, form=",.0f")
    if path.promises:
        yield texts.PROMISES
        rows = [
            [one.contestant, one.redelivered, one.digits, one.scale, one.bad_row] for one in path.promises
        ]
        yield table(texts.PROMISES_HEAD, rows)


def _path_table(workload: Workload, results: Sequence[Result]) -> str:
    rates = {one.contestant: _rows(workload, one) / one.median for one in results if one.median is not None}
    return table(texts.PATH_HEAD, [_path_row(workload, one, rates) for one in results])


def _path_row(workload: Workload, one: Result, rates: dict[str, float]) -> list[str]:
    if one.median is None:
        return [one.contestant, f"refused: {one.refused}", *[""] * (len(texts.PATH_HEAD) - 2)]
    rate, reference = rates[one.contestant], rates.get(PROJECT)
    return [
        one.contestant, f"{_rows(workload, one):,}", _spread(one.seconds), f"{median(one.cpu_seconds):.2f}",
        f"{rate:,.0f}", "" if reference is None else f"{rate / reference:.2f}", f"{max(one.peak_mib):,.0f}",
    ]  # fmt: skip


def _rows(workload: Workload, one: Result) -> int:
    return workload.rows * workload.objects_of(one.contestant)


def _spread(seconds: Sequence[float]) -> str:
    return f"{min(seconds):.2f} / {median(seconds):.2f} / {max(seconds):.2f}"


def _reading(reading: Reading, plots: Path) -> Iterator[str]:
    medians = {(one.case, one.contestant): one.median for one in reading.results}
    compared = [case for case in reading.cases if case.rivals]
    names = [*dict.fromkeys(name for case in compared for name in (PROJECT, *case.rivals))]
    known = {(one.case, one.contestant) for one in reading.results}
    rows = [
        [case.name, *(_beside(medians, case.name, one) if (case.name, one) in known else "" for one in names)]
        for case in compared
    ]
    yield table(("", *names), rows)
    bars = [
        Bars(case.name, {one: took for one in names if (took := medians.get((case.name, one))) is not None})
        for case in compared
    ]
    yield plot(plots, "reading", "seconds (less is better)", bars, form=".3f")
    yield texts.TARGETS
    yield table(texts.TARGETS_HEAD, [_target_row(one) for one in judged(reading)])
    changed = multiples(reading)
    yield texts.CONTENTS.format(limit=ORDINARY)
    rows = [[one.target.case, one.target.reference, *_ratios(one), *_verdict(one)] for one in changed]
    yield table(texts.CONTENTS_HEAD, rows)
    bars = [Bars(one.target.case, {"": one.found.clock}) for one in changed if one.found is not None]
    yield plot(plots, "contents", "time as a multiple of the plain content's", bars, limit=ORDINARY)


def _beside(medians: Medians, case: str, name: str) -> str:
    found, project = medians[case, name], medians[case, PROJECT]
    if found is None:
        return "refuses it"
    return f"{found:.3f}" if name == PROJECT or project is None else f"{found:.3f} ({project / found:.1f})"


def _target_row(one: Judged) -> list[str]:
    target = one.target
    reference = target.contestant if target.case == target.reference else target.reference
    return [target.case, reference, f"{target.limit:g}", *_ratios(one), *_verdict(one)]


def _ratios(one: Judged) -> tuple[str, str]:
    return ("-", "-") if one.found is None else (f"{one.found.clock:.2f}", f"{one.found.cpu:.2f}")


def _verdict(one: Judged) -> tuple[str, str]:
    return ("met", "") if one.is_met else ("**missed**", one.target.bounded_by)
