"""The kind `export`: files of a snapshot in S3, read by DuckDB and compared with the table."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest_project.errors import JobFailed, ObjectError
from ingest_project.ingestion.jobs.kinds import export_files
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome
from ingest_project.sources.s3.result_files import ResultFiles
from ingest_project_tests.factories import order_key, orders_table
from ingest_project_tests.ingestion.jobs.kinds.worlds import RESULTS, JobZone

FOLDER = f"{RESULTS}{'0' * 31}1/"
ROWS = [
    {"order_id": 1, "name": "a", "price": "1.50"},
    {"order_id": 2, "name": "=1+1", "price": "-2.00"},
    {"order_id": 3, "name": None, "price": None},
    {"order_id": 4, "name": "", "price": "4.25"},
]


def ingested(world: JobZone) -> JobZone:
    columns = {"order_id": "long", "name": "string", "price": "decimal(9,2)"}
    world.declare(orders_table(columns=columns))
    world.zone.put(order_key("a"), "".join(json.dumps(one) + "\n" for one in ROWS).encode())
    world.zone.ingest()
    return world


def body(world: JobZone, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return world.zone.landing.s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def keys(world: JobZone) -> list[str]:
    found = world.zone.landing.s3.list_objects_v2(Bucket="acme-results").get("Contents", [])
    return [f"s3://acme-results/{one['Key']}" for one in found]


def read(world: JobZone, outcome: JobOutcome, folder: Path) -> list[tuple[Any, ...]]:
    """All rows of the files, after their sizes, digests and numbers of rows were found to be as told."""
    rows: list[tuple[Any, ...]] = []
    for number, file in enumerate(outcome.files):
        content = body(world, file.uri)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size_bytes, file.sha256)
        path = folder / f"{number}.{file.uri.rpartition('.')[2]}"
        path.write_bytes(content)
        source = (
            f"read_csv('{path}', header=true, all_varchar=true)" if path.suffix == ".csv" else f"'{path}'"
        )
        found = duckdb.execute(f"select * from {source}").fetchall()  # noqa: S608
        assert len(found) == file.rows
        rows += found
    return rows


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_export_has_the_rows_and_columns_that_were_asked_for(
    world: JobZone, tmp_path: Path, file_format: str
) -> None:
    ingested(world)
    job = world.job(
        "export", format=file_format, columns=["price", "order_id"],
        filters=[
            {"column": "order_id", "op": ">=", "value": 2},
            {"column": "price", "op": "is_null", "value": False},
        ],
    )  # fmt: skip

    outcome = world.run(job)

    found = [(str(price), int(order_id)) for price, order_id in read(world, outcome, tmp_path)]
    assert found == [("-2.00", 2), ("4.25", 4)]
    snapshot = world.zone.lake_table().snapshot_id
    assert (outcome.snapshot_id, outcome.result["snapshot_id"]) == (snapshot, str(snapshot))
    assert (outcome.result["rows"], outcome.result["files"], outcome.waits) == (2, 1, False)
    assert outcome.result["bytes"] == outcome.files[0].size_bytes
    assert outcome.files[0].uri.startswith(f"{FOLDER}attempt-1/part-")
    assert keys(world) == [outcome.files[0].uri]
    assert world.progress[-1]["rows"] == 2


def test_csv_has_no_formulas_and_all_rows(world: JobZone, tmp_path: Path) -> None:
    outcome = world.run(ingested(world).job("export", format="csv", columns=["order_id", "name", "price"]))

    (file,) = outcome.files
    assert body(world, file.uri).decode().splitlines() == [
        '"order_id","name","price"', '1,"a",1.50', '2,"\'=1+1",-2.00', "3,,", '4,"",4.25',
    ]  # fmt: skip
    assert len(read(world, outcome, tmp_path)) == 4


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_no_rows_are_a_file_that_has_the_columns(world: JobZone, tmp_path: Path, file_format: str) -> None:
    job = ingested(world).job("export", format=file_format, filters=[{"column": "order_id", "value": 77}])

    outcome = world.run(job)

    assert read(world, outcome, tmp_path) == []
    assert [one.rows for one in outcome.files] == [0]


@pytest.mark.parametrize(
    ("max_rows", "sizes"), [(None, [2, 2, 2, 2, 1]), (5, [2, 2, 1]), (4, [2, 2]), (1, [1])]
)
def test_rows_are_divided_among_files_and_cut_exactly(
    world: JobZone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_rows: int | None, sizes: list[int]
) -> None:
    monkeypatch.setattr(export_files, "PORTION_BYTES", 16)
    monkeypatch.setattr(export_files, "FILE_BYTES", 1)
    world.zone.put_orders("a", *range(9))
    world.zone.ingest()
    given: dict[str, Any] = {} if max_rows is None else {"max_rows": max_rows}
    job = world.job("export", **given)

    outcome = world.run(job)

    assert [one.rows for one in outcome.files] == sizes
    found = [order_id for (order_id,) in read(world, outcome, tmp_path)]
    assert found == list(range(9))[: max_rows or 9]


def test_snapshot_that_is_named_is_the_one_that_is_read(world: JobZone, tmp_path: Path) -> None:
    world.zone.put_orders("a", 1)
    world.zone.ingest()
    first = world.zone.lake_table().snapshot_id
    world.zone.put_orders("b", 2)
    world.zone.ingest()

    outcome = world.run(world.job("export", snapshot_id=first))

    assert read(world, outcome, tmp_path) == [(1,)]
    assert outcome.snapshot_id == first


def test_attempt_that_ends_removes_what_earlier_ones_have_left_and_nothing_else(world: JobZone) -> None:
    ingested(world)
    job = world.job("export")
    other = world.run(world.job("export", job_id="2" * 32)).files[0].uri
    first = world.run(job, run_id="first").files[0].uri
    third = world.run(replace(job, attempts=3), run_id="third").files[0].uri

    second = world.run(replace(job, attempts=2), run_id="second, which was replaced").files[0].uri

    assert keys(world) == sorted([other, second, third])
    assert first not in keys(world)
    tenth = world.run(replace(job, attempts=10)).files[0].uri
    assert keys(world) == sorted([other, tenth])


def test_two_runs_of_one_attempt_do_not_overwrite_each_other(world: JobZone) -> None:
    job = ingested(world).job("export")

    files = {world.run(job, run_id=run_id).files[0].uri for run_id in ("one", "two")}

    assert len(files) == 2


def test_files_of_earlier_attempts_that_s3_does_not_delete_do_not_fail_the_job(
    world: JobZone, caplog: pytest.LogCaptureFixture
) -> None:
    job = ingested(world).job("export")
    world.run(job)

    class Refuses(ResultFiles):
        def delete(self, uris: list[str]) -> None:
            raise ObjectError(uris[0], "S3 refused access to it")

    kinds = replace(world.kinds, result_files=Refuses(world.zone.services.aws))

    assert world.run(replace(job, attempts=2), kinds=kinds).result["rows"] == 4
    assert "files of earlier attempts" in caplog.text


def test_place_for_results_that_does_not_exist_fails_the_job(world: JobZone) -> None:
    ingested(world)
    world.declare(results="s3://no-such-bucket/")

    with pytest.raises(JobFailed, match="no-such-bucket"):
        world.run(world.job("export"))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"columns": ["order_id", "none"]}, "input.columns.1: the table has no such column"),
    ({"columns": ["order_id); drop table"]}, "input.columns.0: the table has no such column"),
    ({"filters": [{"column": "none", "value": 1}]}, "input.filters.0.column: the table has no such column"),
    ({"filters": [{"column": "order_id", "value": "1 or 1=1"}]}, "input.filters.0.value: is not a value of"),
    ({"filters": [{"column": "order_id", "op": "like", "value": 1}]}, "input.filters.0.op: "),
    ({"snapshot_id": 12345}, "input.snapshot_id: the table has no such snapshot"),
    ({"max_rows": 0}, "input.max_rows: "),
    ({"format": "xlsx"}, "input.format: "),
    ({"table": "web.clicks"}, "input.table: the catalog does not have it yet"),
]  # fmt: skip


def test_query_that_the_table_cannot_answer_fails_the_job_and_names_the_field(world: JobZone) -> None:
    ingested(world)
    clicks = {**orders_table(partition=None), "name": "web.clicks", "prefix": "clicks/"}
    world.declare(orders_table(), clicks)
    for number, (given, reason) in enumerate(REFUSED):
        with pytest.raises(JobFailed) as failed:
            world.run(world.job("export", job_id=f"{number:032x}", **given))
        assert reason in str(failed.value)
    assert keys(world) == []
