"""A small run of the odd files: no crash, no lost good row, no wrong value, no silent null."""

import os

import pytest

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.odd_files.case import OddFile
from ingest_project_tests.odd_files.json_kinds import FOREIGN, foreign
from ingest_project_tests.odd_files.judge import Outcome, Way, faults
from ingest_project_tests.odd_files.run import FORMATS, made, run

FILES = 40
WAYS = 2
SEED = int(os.environ.get("ODD_FILES_SEED", "1"))
WAY = Way(quarantines=True, evolution="add_columns", declared=True)


@pytest.mark.parametrize("file_format", FORMATS)
def test_odd_files_crash_nothing_lose_no_good_row_and_bring_no_wrong_value(file_format: TableFormat) -> None:
    tally = run(file_format, SEED, FILES, ways_each=WAYS)

    assert tally.files.total() == FILES
    assert [(fault.kind, fault.way, fault.reason) for fault in tally.faults] == []


def file_of(name: str) -> OddFile:
    return next(file for kind, _, file, _ in made("ndjson", SEED, 300) if kind == name)


def test_the_judge_sees_a_lost_row_a_row_twice_and_a_row_made_up() -> None:
    file = file_of("name: 7")
    rows = tuple({name: cell.value for name, cell in (line.cells or {}).items()} for line in file.lines)

    assert any("is lost" in fault for fault in faults(file, WAY, Outcome(rows[1:])))
    assert any("twice" in fault for fault in faults(file, WAY, Outcome((*rows, rows[0]))))
    assert any("made up" in fault for fault in faults(file, WAY, Outcome((*rows, {"n": 999}))))


def test_the_judge_sees_a_wrong_value_and_a_silent_null() -> None:
    file = file_of("blank_lines")
    rows = tuple({name: cell.value for name, cell in (line.cells or {}).items()} for line in file.lines)
    wrong = ({**rows[0], "code": -1}, *rows[1:])
    nulls = tuple({**row, "ok": None, "ratio": None, "code": None} for row in rows)

    assert list(faults(file, WAY, Outcome(rows))) == []
    assert any("code" in fault for fault in faults(file, WAY, Outcome(wrong)))
    assert any("became None" in fault for fault in faults(file, WAY, Outcome(nulls)))


def test_the_judge_sees_damage_that_was_read_and_errors_that_nobody_foresaw() -> None:
    damaged = foreign("ndjson", "HTML", FOREIGN["HTML"])(None)  # type: ignore[arg-type]

    assert list(faults(damaged, WAY, Outcome(error_class="unreadable"))) == []
    assert list(faults(damaged, WAY, Outcome())) == ["was read, though it is damaged"]
    assert list(faults(damaged, WAY, Outcome(error_class="unknown"))) != []
