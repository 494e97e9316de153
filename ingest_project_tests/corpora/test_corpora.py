"""The judge of public corpora sees what is right and what is wrong, in a few small files of each kind."""

import io
import json
import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from openpyxl import Workbook
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project_tests.corpora.__main__ import batches_of, main
from ingest_project_tests.corpora.batches import BatchVerdict, judged_together
from ingest_project_tests.corpora.child import ChildDied, each_in_child
from ingest_project_tests.corpora.files import files_of
from ingest_project_tests.corpora.referees import Rows
from ingest_project_tests.corpora.verdict import Outcome, Verdict, differences, judged
from ingest_project_tests.reading.typed_values import FILES

TABLE = pa.table({"id": [1, 2], "name": ["a", None], "tags": [["x"], []]})


def arrow_file() -> bytes:
    sink = io.BytesIO()
    with ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return sink.getvalue()


def written(write: object) -> bytes:
    sink = io.BytesIO()
    write(TABLE, sink)  # type: ignore[operator]
    return sink.getvalue()


def workbook() -> bytes:
    made, sink = Workbook(), io.BytesIO()
    for row in (["id", "name", "at"], [1, "a", datetime(2026, 11, 20, 10)], [2, None, None]):  # noqa: DTZ001
        made.active.append(row)  # type: ignore[union-attr]
    made.save(sink)
    return sink.getvalue()


GOOD = {
    "rows.csv": b"id;name\n1;a\n2;\n",
    "rows.json": b'[{"id": 1, "amount": 0.10}, {"id": 2, "tags": ["x"]}]',
    "rows.ndjson": b'{"id": 1, "at": {"x": 1e400}}\n{"id": 2}\n',
    "rows.parquet": written(pq.write_table),
    "rows.orc": written(orc.write_table),
    "rows.arrow": arrow_file(),
    "rows.xlsx": workbook(),
    "rows.avro": FILES["avro"]("decimal(12,2)", []),
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name, body in GOOD.items():
        (tmp_path / name).write_bytes(body)
    return tmp_path


def test_good_files_of_each_format_come_in_alone_and_together(corpus: Path) -> None:
    files = [*files_of(corpus)]

    alone = [judged(file) for file in files]
    together = [judged_together(batch) for batch in batches_of(files)]

    assert alone == [Verdict("in")] * (len(GOOD) + 1)
    assert together == [BatchVerdict(1, (), ())] * (len(GOOD) + 1)


def test_damaged_files_are_refused_and_bad_rows_set_aside(tmp_path: Path) -> None:
    (tmp_path / "cut.parquet").write_bytes(GOOD["rows.parquet"][:-9])
    (tmp_path / "half.ndjson").write_bytes(b'{"id": 1}\n{"id":\n')

    by_name = {file.path.name: judged(file) for file in files_of(tmp_path)}

    assert by_name["cut.parquet"].fate == "refused"
    assert not by_name["cut.parquet"].is_doubtful
    assert by_name["half.ndjson"].fate == "set aside"
    assert by_name["half.ndjson"].faults == ()


def test_a_file_that_does_not_go_with_the_others_is_apart_and_no_fault(tmp_path: Path) -> None:
    for name, column in (("a", "id"), ("b", "id"), ("c", "ID")):
        pq.write_table(pa.table({column: [1]}), tmp_path / f"{name}.parquet")

    verdict = judged_together([*files_of(tmp_path)])

    assert [file.path.name for file, _ in verdict.apart] == ["c.parquet"]
    assert (verdict.came_in, verdict.faults) == (2, ())


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([{"id": 1}], "1 rows came in, not 2"),
        ([{"id": 1}, {"id": 3}], "row 2, 'id': 2 became 3"),
        ([{"id": 1}, {"id": None}], "row 2, 'id': 2 became None"),
        ([{"id": 1, "x": 1}, {"id": 2, "x": None}], "row 1, 'x': None became 1"),
        ([{"id": 1}, {"id": 2}], None),
    ],
)
def test_the_judge_sees_a_lost_row_a_wrong_value_and_one_made_up(
    rows: list[dict[str, object]], fault: str | None
) -> None:
    wanted = Rows("referee", [(1, {"id": 1}), (2, {"id": 2})])

    assert [*differences(Outcome(tuple(rows)), wanted)] == ([] if fault is None else [fault])


def test_the_judge_sees_a_row_that_is_not_valid() -> None:
    wanted = Rows("referee", [(1, {"id": 1}), (2, None)])

    assert [*differences(Outcome(({"id": 1}, {"id": 2})), wanted)] == ["rows [2] are not valid, and came in"]
    assert [*differences(Outcome(({"id": 1},), ((2, None, "bad"),)), wanted)] == []


def die_or_say(number: int) -> int:
    if number == 2:
        os.abort()
    return number


def test_a_crash_is_the_fault_of_one_file() -> None:
    died: list[int] = []
    found: list[int] = []
    for item, answer in each_in_child(die_or_say, [1, 2, 3]):
        (died if isinstance(answer, ChildDied) else found).append(item)

    assert (died, found) == ([2], [1, 3])


def test_the_command_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.ndjson").write_text(json.dumps({"id": 1}))

    assert main([str(tmp_path)]) == 0
    assert "in together" in capsys.readouterr().out
