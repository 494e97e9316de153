"""Each type from each format, at its bounds, into an Iceberg table and out of it by other readers."""

import json
from contextlib import chdir
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chdb
import polars as pl
import pytest

from ingest_project.iceberg.catalog import Lake
from ingest_project.reading.values.types import dtype_of
from ingest_project_tests.iceberg.factories import (
    catalog_settings,
    nothing,
    open_lake,
    table_settings,
)
from ingest_project_tests.iceberg.readers import newest_metadata
from ingest_project_tests.reading.factories import read
from ingest_project_tests.reading.typed_values import FILES, VALUES, has, stored, text_of

CLICKHOUSE_TELLS = [
    "boolean",
    "int",
    "long",
    "decimal(12,2)",
    "decimal(38,0)",
    "date",
    "timestamp",
    "string",
    "uuid",
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return open_lake(catalog_settings(tmp_path_factory.mktemp("lake")))


def frame_of(type_name: str, file_format: Any, *, allow_new_columns: bool = False) -> pl.DataFrame:
    body = FILES[file_format](type_name, VALUES[type_name])
    columns = {"n": "long", "c": type_name}
    result = read(body, columns=columns, file_format=file_format, allow_new_columns=allow_new_columns)
    assert result.failures == ()
    assert result.frame is not None
    return result.frame.select("n", "c")


@pytest.mark.parametrize(
    ("file_format", "type_name"),
    [(file_format, name) for file_format in FILES for name in VALUES if has(file_format, name)],
)
@pytest.mark.parametrize("allow_new_columns", [False, True])
def test_each_format_brings_each_value_exactly(
    type_name: str, file_format: str, allow_new_columns: bool
) -> None:
    frame = frame_of(type_name, file_format, allow_new_columns=allow_new_columns)

    assert frame.schema["c"] == dtype_of(type_name)
    found = [repr(stored(value)) for value in frame["c"].to_list()]  # unlike ==, it tells 0.0 from -0.0
    assert found == [repr(stored(value)) for value in VALUES[type_name]]


@pytest.mark.parametrize("type_name", VALUES)
def test_a_table_gives_each_value_to_other_readers(
    lake: Lake, type_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    columns = {"n": "long", "c": type_name}
    settings = table_settings(f"types.t{list(VALUES).index(type_name)}", columns=columns)
    table = lake.table(settings, columns=columns)
    table.commit("b", [table.write(frame_of(type_name, "ndjson").to_arrow())], nothing)

    by_pyiceberg = table._table.scan().to_arrow().select(["n", "c"]).to_pylist(maps_as_pydicts="strict")
    by_polars = pl.scan_iceberg(newest_metadata(table), reader_override="native").select("n", "c").collect()

    expected = dict(enumerate(VALUES[type_name]))
    assert {row["n"]: row["c"] for row in by_pyiceberg} == expected
    assert dict(by_polars.rows()) == {n: stored(value) for n, value in expected.items()}
    if type_name in CLICKHOUSE_TELLS:
        assert texts_by_clickhouse(table.location, newest_metadata(table)) == {
            n: None if value is None else text_of(value).replace("T", " ") for n, value in expected.items()
        }


def texts_by_clickhouse(location: str, metadata: str) -> dict[int, str | None]:
    folder = urlsplit(location).path
    path = Path(metadata.removeprefix(f"{location}/"))
    source = f"icebergLocal('{folder}', SETTINGS iceberg_metadata_file_path = '{path}')"
    settings = "SETTINGS output_format_json_quote_64bit_integers = 0"
    with chdir("/"):  # chdb opens nothing outside of its working folder
        answer = chdb.query(  # type: ignore[no-untyped-call]
            f"SELECT n, toString(c) FROM {source} {settings}",  # noqa: S608
            "JSONCompactEachRow",
        )
    texts = dict(json.loads(line) for line in str(answer).splitlines())
    return {n: None if text is None else text.removesuffix(".000000") for n, text in texts.items()}
