"""Tables and plots of the page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ingest_project_tests.bench.report.chart import Bars, bar_chart


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plot(
    plots: Path,
    name: str,
    title: str,
    bars: Sequence[Bars],
    *,
    form: str = ",.2f",
    limit: float | None = None,
) -> str:
    """Write the plot into the folder of the plots; gives the line of the page that shows it."""
    (plots / f"{name}.svg").write_text(bar_chart(title, bars, form=form, limit=limit))
    return f"![{title}](bench/{name}.svg)\n"
