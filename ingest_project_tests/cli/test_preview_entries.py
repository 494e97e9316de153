"""`ingest preview --write` on files with unusual names: the written entry ingests every row of them."""

import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project_tests.cli.test_preview import ingested
from ingest_project_tests.factories import Zone
from ingest_project_tests.preview.factories import zipped


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


@pytest.mark.parametrize("file_format", ["parquet", "avro", "ipc"])
def test_written_entry_ingests_files_that_disagree_on_types(zone: Zone, file_format: str) -> None:
    for name, codes in (("a", [501, 502]), ("b", ["00504", None]), ("c", [True, False])):
        body = io.BytesIO()
        frame = pl.DataFrame({"id": [1, 2], "code": codes, "took": [1.5 if name == "a" else "2.5"] * 2})
        getattr(frame, f"write_{file_format}")(body)
        zone.put(f"mixed/{name}", body.getvalue())

    rows = ingested(zone, "mixed/").rows("raw.things").sort("_source_uri", "id")

    assert rows["code"].to_list() == ["501", "502", "00504", None, "true", "false"]
    assert rows["took"].to_list() == [1.5, 1.5, 2.5, 2.5, 2.5, 2.5]


def test_written_entry_rescues_what_can_never_be_of_one_type(zone: Zone) -> None:
    for name, days, took in (("a", [date(2026, 11, 20)], 3), ("b", [1.5], 4)):
        body = io.BytesIO()
        pl.DataFrame({"on": days, "took": [timedelta(seconds=took)]}).write_parquet(body)
        zone.put(f"mixed/{name}.parquet", body.getvalue())

    rows = ingested(zone, "mixed/").rows("raw.things").sort("_source_uri")

    assert rows["on"].to_list() == [date(2026, 11, 20), None]
    assert [text and json.loads(text) for text in rows["_rescued_data"]] == [None, {"on": 1.5}]
    assert "took" not in rows.columns


@pytest.mark.parametrize(
    ("name", "body", "columns"),
    [
        ("a.csv", b'_batch_id, ,"x\ty",ok\n1,2,3,4\n', {"batch_id": 1, "column_2": 2, "x_y": 3, "ok": 4}),
        ("a.ndjson", b'{"": 1, " ": 2, "ok": 3, "m": {"": 4}}',
            {"column_1": 1, "column_2": 2, "ok": 3, "m": '{"": 4}'}),
        ("a.zip", zipped(b"id,a\n1,2\n"), {"id": 1, "a": 2}),
    ],
)  # fmt: skip
def test_written_entry_ingests_fields_of_names_that_no_column_has(
    zone: Zone, name: str, body: bytes, columns: dict[str, Any]
) -> None:
    zone.put(f"odd/{name}", body)

    (row,) = ingested(zone, "odd/").rows("raw.things").to_dicts()

    assert {name: value for name, value in row.items() if name not in PROVENANCE_COLUMNS} == columns


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b",name,at\n0,a,5\n1,b,6\n", [(0, "a", 5), (1, "b", 6)]),  # as pandas writes its index
        (b"sep=;\r\nid;name;;\r\n1;a,b;;\r\n2;c\r\n", [(1, "a,b"), (2, "c")]),  # as Excel writes
        (
            b'"id","day","name"\n"1","2026-11-20","a"\n"","",""\n',
            [(1, date(2026, 11, 20), "a"), (None, None, "")],
        ),
    ],
)
def test_written_entry_ingests_all_rows_of_other_programs(zone: Zone, body: bytes, rows: list[Any]) -> None:
    zone.put("odd/a.csv", body)

    after = ingested(zone, "odd/")

    assert after.rows("raw.things").drop(PROVENANCE_COLUMNS).rows() == rows
    assert after.quarantined("raw.things").is_empty()


def test_header_that_the_ingest_refuses_is_the_only_bad_row(zone: Zone) -> None:
    zone.put("odd/a.csv", b"id;name;id\n001;a;007\n002;b;008\n")

    after = ingested(zone, "odd/")

    found = after.rows("raw.things")
    assert found.drop(PROVENANCE_COLUMNS).rows() == [("001", "a", "007"), ("002", "b", "008")]
    assert after.quarantined("raw.things")["line_number"].to_list() == [1]
