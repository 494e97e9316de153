"""The table of formats, held against the settings' part of it and against the functions that it names."""

import subprocess
import sys
from dataclasses import fields
from typing import get_args

import pytest

from ingest_project.reading.formats.table import FORMATS, _function
from ingest_project.settings.formats import FORMAT_KEYS, TableFormat
from ingest_project.settings.model import TableSettings
from ingest_project.settings.strict import Strict

PATHS = {
    f"{name} {one.name}": path
    for name, row in FORMATS.items()
    for one in fields(row)
    if isinstance(path := getattr(row, one.name), str) and ":" in path
}


def test_every_format_that_the_settings_allow_has_a_row_in_both_tables() -> None:
    assert list(FORMATS) == list(FORMAT_KEYS) == list(get_args(TableFormat))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_function_that_a_row_names_exists(path: str) -> None:
    assert callable(_function(path))


def test_no_extension_and_no_magic_belongs_to_two_formats() -> None:
    extensions = [one for row in FORMATS.values() for one in row.extensions]
    magics = [one for row in FORMATS.values() for one in row.magics]

    assert len(set(extensions)) == len(extensions)
    assert not [(a, b) for a in magics for b in magics if a is not b and a.startswith(b)]


def test_formats_of_fixed_columns_are_those_of_the_settings() -> None:
    fixed = [name for name, row in FORMATS.items() if row.values == "fixed"]

    assert fixed == [name for name, keys in FORMAT_KEYS.items() if keys.columns]


@pytest.mark.parametrize("key", [keys.options for keys in FORMAT_KEYS.values() if keys.options is not None])
def test_the_options_of_a_format_are_a_key_of_the_table(key: str) -> None:
    defaults = {field.alias or name: field.default for name, field in TableSettings.model_fields.items()}

    assert isinstance(defaults[key], Strict)


def test_the_table_loads_no_reader() -> None:
    heavy = {"polars", "pyarrow", "fastavro"}
    code = f"import sys, ingest_project.reading.formats.table; print(sorted({heavy} & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
