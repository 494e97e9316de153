"""What people see: a line for each trial as it ends, and a table of all faults at the end."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from ingest_project_tests.fault_trials.harness import Result

HEADINGS = (
    "fault",
    "trials",
    "reached",
    "recoveries",
    "restarts",
    "lost",
    "duplicated",
    "wrong",
    "stuck",
    "untrue",
    "result",
)


EXAMPLES = 4  # of what is wrong in one trial


def print_result(console: Console, result: Result) -> None:
    """One line; for a failure, also what is wrong, how to replay it and where it lies."""
    said = "ok" if result.passed and result.reached else "not reached" if result.passed else "FAILED"
    console.print(
        f"{result.number:4d}  {result.fault:44s} {said:12s} {result.seconds:5.0f} s"
        f"  {result.recoveries} extra attempts, {result.restarts} restarts",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
    if result.passed:
        return
    verdict = result.verdict
    totals = (
        f"lost {verdict.lost}, duplicated {verdict.duplicated}, wrong {verdict.wrong}, stuck "
        f"{len(verdict.stuck)}, untrue {len(verdict.untrue)}"
    )
    for line in (
        totals,
        *verdict.stuck,
        *verdict.untrue,
        *verdict.details,
        f"replay: {result.replay}",
        f"kept: {result.folder}",
    ):
        console.print(f"      {line}", highlight=False, markup=False, soft_wrap=True)


def print_summary(console: Console, results: Sequence[Result], seconds: float) -> None:
    """The table: fault x trials x reached x recoveries x what went wrong."""
    table = Table(*HEADINGS, title="make faults")
    for fault in sorted({result.fault for result in results}):
        table.add_row(*_row(fault, [result for result in results if result.fault == fault]))
    table.add_section()
    table.add_row(*_row("all", results))
    console.print(table)
    console.print(f"{len(results)} trials in {seconds / 60:.1f} minutes")


def _row(name: str, results: Sequence[Result]) -> Iterable[str]:
    failed = sum(not result.passed for result in results)
    reached = sum(result.reached for result in results)
    said = "FAILED" if failed else "not reached" if reached == 0 else "ok"
    numbers = (
        len(results), reached, sum(result.recoveries for result in results),
        sum(result.restarts for result in results), sum(result.verdict.lost for result in results),
        sum(result.verdict.duplicated for result in results), sum(result.verdict.wrong for result in results),
        sum(bool(result.verdict.stuck) for result in results),
        sum(bool(result.verdict.untrue) for result in results),
    )  # fmt: skip
    return (name, *(str(number) for number in numbers), said)
