"""The referee measures, refuses who loses rows, and makes the page from what it measured."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingest_project_tests.bench.drain.contestants import CONTESTANTS as DRAINERS
from ingest_project_tests.bench.drain.referee import event
from ingest_project_tests.bench.growth.referee import CATALOG, Point
from ingest_project_tests.bench.landing import clients, ministack
from ingest_project_tests.bench.own_process import answer_of
from ingest_project_tests.bench.path.asked import Asked
from ingest_project_tests.bench.path.contestants import CONTESTANTS, Contestant
from ingest_project_tests.bench.path.judge import Content
from ingest_project_tests.bench.path.referee import CREDENTIALS, check, measure_path
from ingest_project_tests.bench.path.rivals import by_polars, opened_table
from ingest_project_tests.bench.path.workload import Workload, land, send_again
from ingest_project_tests.bench.report.history import growth
from ingest_project_tests.bench.report.record import (
    Growth,
    Reading,
    ReadingCase,
    made_with,
    read_comparisons,
    read_growth,
    read_latency,
    read_path,
    read_reading,
)
from ingest_project_tests.bench.report.targets import judged, multiples
from ingest_project_tests.bench.rounds import PROJECT, Ratio, Refused, Result, Run, Turn, measured, ratio
from ingest_project_tests.bench.sizes import QUICK
from ingest_project_tests.bench.write.contestants import APPEND
from ingest_project_tests.bench.write.contestants import CONTESTANTS as WRITERS
from ingest_project_tests.bench.write.referee import case_of
from ingest_project_tests.bench.write.referee import check as check_rows
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


def test_quick_run_compares_the_writing_and_the_draining(quick: Path) -> None:
    writing, draining = read_comparisons(quick / "bench")

    assert [(one.case, one.contestant) for one in writing.results] == [
        (case_of(partitions), name) for partitions in QUICK.partitions for name in WRITERS
    ]
    assert [one.contestant for one in draining.results] == [*DRAINERS]
    results = [*writing.results, *draining.results]
    assert all(one.seconds and one.cpu_seconds and one.peak_mib and not one.refused for one in results)


def test_page_compares_the_project_with_each_writer(quick: Path) -> None:
    writing = read_comparisons(quick / "bench")[0]
    beside = ratio(writing.results, ("5 partitions", PROJECT), ("5 partitions", APPEND))

    assert beside is not None
    (row,) = [
        line for line in (quick / "performance.md").read_text().splitlines()
        if line.startswith(f"| 5 partitions | {APPEND} |")
    ]  # fmt: skip
    verdict = "met" if beside.clock <= 1 else "**missed**"
    assert row.endswith(f"| {beside.clock:.2f} | {beside.cpu:.2f} | 1 | {verdict} |")


def test_quick_run_has_each_step_at_each_length_of_history(quick: Path) -> None:
    found = read_growth(quick / "bench")

    assert found is not None
    on_sqlite = {(one.step, one.size) for one in found.points if one.where in {CATALOG, "SQLite"}}
    steps = ("claim", "plan", "settle", "partition_rows", "status")
    assert on_sqlite == {
        *(("commit", size) for size in QUICK.snapshots),
        *((step, size) for size in QUICK.versions for step in steps),
    }
    assert {len(one.seconds) for one in found.points} == {QUICK.repeats}


def test_quick_run_takes_the_time_of_each_put_to_its_row(quick: Path) -> None:
    found = read_latency(quick / "bench")

    assert found is not None
    assert len(found.seconds) == QUICK.puts
    assert all(0 < one < PATIENCE_SECONDS for one in found.seconds)


def test_step_that_takes_longer_with_more_history_misses_its_target(tmp_path: Path) -> None:
    points = [
        Point("SQLite", step, size, [0.001 * times])
        for step, longest in (("claim", 1.5), ("status", 1.6))
        for size, times in ((10, 1.0), (1_000, longest))
    ]

    page = [*growth(Growth({**made_with(1, 1)}, points), tmp_path)]

    assert "| claim | 1.0 ms (1.00) | 1.5 ms (1.50) | met |" in page[2]
    assert "| status | 1.0 ms (1.00) | 1.6 ms (1.60) | **missed** |" in page[2]


def test_writer_that_loses_rows_is_refused() -> None:
    with pytest.raises(Refused, match=r"^99 rows were written, not 100$"):
        check_rows(99, 100)


def test_drain_that_misses_messages_is_refused(tmp_path: Path) -> None:
    with ministack(tmp_path) as endpoint:
        _, sqs = clients(endpoint)
        url = sqs.create_queue(QueueName="few")["QueueUrl"]
        send_again(endpoint, url, [event(number) for number in range(3)])
        given = {"home": str(tmp_path), "endpoint": endpoint, "url": url, "messages": 5}

        with pytest.raises(Refused, match="3 of 5 messages were claimed"):
            answer_of(DRAINERS[PROJECT], given, CREDENTIALS)


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
