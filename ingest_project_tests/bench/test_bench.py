"""The referee measures, refuses who loses rows, and makes the page from what it measured."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingest_project_tests.bench.landing import ministack
from ingest_project_tests.bench.path.asked import Asked
from ingest_project_tests.bench.path.contestants import CONTESTANTS, Contestant
from ingest_project_tests.bench.path.judge import Content
from ingest_project_tests.bench.path.referee import check, measure_path
from ingest_project_tests.bench.path.rivals import by_polars, opened_table
from ingest_project_tests.bench.path.workload import Workload, land
from ingest_project_tests.bench.report.record import Reading, ReadingCase, read_path, read_reading
from ingest_project_tests.bench.report.targets import judged, multiples
from ingest_project_tests.bench.rounds import PROJECT, Ratio, Refused, Result, Run, Turn, measured, ratio
from ingest_project_tests.patience import PATIENCE_SECONDS

FEW = Workload("few", "ndjson", 2, 20, 1)
HELD = Content(rows=100, keys=100, amount=Decimal("12.50"))


def loses_a_row(asked: Asked) -> None:
    """A contestant that takes one row out of its table again."""
    by_polars(asked)
    opened_table(asked).delete("order_id = 7")


def fails(asked: Asked) -> None:
    """A contestant that cannot do it."""
    raise ValueError(f"not with {asked.objects} objects")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a quick run has written."""
    folder = tmp_path_factory.mktemp("quick")
    command = [sys.executable, "-m", "ingest_project_tests.bench", "--quick", "--to", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return folder


def test_quick_run_times_all_contestants_of_the_whole_path(quick: Path) -> None:
    found = read_path(quick / "bench")

    assert found is not None
    assert [one.contestant for one in found.results] == [one.name for one in CONTESTANTS]
    assert all(
        one.seconds and one.cpu_seconds and one.peak_mib and one.refused is None for one in found.results
    )


def test_quick_run_times_the_reading_beside_others(quick: Path) -> None:
    found = read_reading(quick / "bench")

    assert found is not None
    assert ratio(found.results, ("csv", PROJECT), ("csv", "Polars"))
    assert not [one for one in found.results if one.refused]


def test_page_has_the_ratios_of_the_json_and_its_plots(quick: Path) -> None:
    page = (quick / "performance.md").read_text()
    found = read_reading(quick / "bench")

    assert found is not None
    beside = ratio(found.results, ("csv, CRLF", PROJECT), ("csv", PROJECT))
    assert beside is not None
    assert f"| csv, CRLF | csv | {beside.clock:.2f} | {beside.cpu:.2f} |" in page
    plots = {f"bench/{one.name}" for one in (quick / "bench").glob("*.svg")}
    assert plots == {
        line.partition("](")[2].rstrip(")") for line in page.splitlines() if line.startswith("![")
    }


def test_contestant_that_loses_a_row_is_refused(tmp_path: Path) -> None:
    contestants = [Contestant("loses", f"{__name__}:loses_a_row"), Contestant("fails", f"{__name__}:fails")]
    with ministack(tmp_path) as endpoint:
        landed = land(endpoint, FEW.prefix, FEW.bodies(1), FEW.format)
        loses, fails = measure_path(FEW, landed, contestants, seed=1, rounds=2, told=lambda _: None)

    assert (loses.seconds, loses.refused) == ([], "1 of 40 rows are missing")
    assert (fails.seconds, fails.refused) == ([], "ValueError: not with 2 objects")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (Content(99, 99, HELD.amount), "1 of 100 rows are missing"),
        (Content(101, 100, HELD.amount), "101 rows of 100 orders, not 100"),
        (Content(100, 99, HELD.amount), "100 rows of 99 orders, not 100"),
        (Content(100, 100, Decimal("12.51")), "the amounts add up to 12.51, not 12.50"),
    ],
)
def test_table_with_other_rows_is_refused(found: Content, reason: str) -> None:
    check(HELD, HELD)

    with pytest.raises(Refused, match=f"^{reason}$"):
        check(found, HELD)


def test_contestants_take_turns_and_no_refused_one_has_a_median() -> None:
    order: list[str] = []

    def turn(name: str, seconds: float | None) -> Turn:
        def run() -> Run:
            order.append(name)
            if seconds is None:
                raise Refused("it lost rows")
            return Run(seconds, seconds, 1.0)

        return Turn("case", name, run)

    results = measured([turn("a", 3.0), turn("b", None), turn("c", 2.0)], 3, lambda _: None)

    assert order == ["a", "b", "c", "c", "a", "c", "a"]
    assert [one.median for one in results] == [3.0, None, 2.0]
    assert ratio(results, ("case", "a"), ("case", "c")) == Ratio(clock=1.5, cpu=1.5)
    assert ratio(results, ("case", "a"), ("case", "b")) is None


def test_targets_are_judged_by_the_clock_and_the_longest_multiple_comes_first() -> None:
    cases = [
        ReadingCase("csv", "csv", "csv", "no", ("Polars",)),
        ReadingCase("csv, all quoted", "csv", "csv", "no", ()),
        ReadingCase("csv, CRLF", "csv", "csv", "no", ()),
        ReadingCase("csv, one bad: a text", "csv", "csv", "one", ()),
    ]
    seconds = {"csv": 1.0, "csv, all quoted": 2.0, "csv, CRLF": 4.0, "csv, one bad: a text": 1.6}
    results = [Result(case, PROJECT, [took], [1.0]) for case, took in seconds.items()]
    reading = Reading({}, 100, cases, [*results, Result("csv", "Polars", [0.8], [1.0])])

    assert [(one.target.case, one.is_met) for one in judged(reading)] == [
        ("csv", True), ("csv, one bad: a text", False),
    ]  # fmt: skip
    assert [(one.target.case, one.is_met) for one in multiples(reading)] == [
        ("csv, CRLF", False), ("csv, all quoted", True),
    ]  # fmt: skip


def test_same_seed_gives_the_same_objects() -> None:
    assert [*FEW.bodies(1)] == [*FEW.bodies(1)]
    assert [*FEW.bodies(1)] != [*FEW.bodies(2)]


def test_formats_hold_the_same_rows() -> None:
    ndjson, parquet = (next(Workload("", form, 1, 50, 1).bodies(1)) for form in ("ndjson", "parquet"))
    amounts = [str(row["amount"]) for row in map(json.loads, ndjson.splitlines())]

    assert pl.read_parquet(parquet)["amount"].cast(pl.Float64).to_list() == [*map(float, amounts)]


def test_result_without_times_has_no_median() -> None:
    assert Result("case", "a").median is None
