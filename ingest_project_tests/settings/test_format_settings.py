from pathlib import Path

import pytest

from ingest_project_tests.settings.factories import MINIMAL, problems_of, table


def problems(folder: Path, keys: str) -> list[str]:
    text = MINIMAL.replace("format: ndjson", keys)
    return problems_of(folder, text)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('csv: {delimiter: ";;"}', "csv.delimiter: must be one ASCII character"),
        ('csv: {delimiter: ""}', "csv.delimiter: must be one ASCII character"),
        ("csv: {delimiter: §}", "csv.delimiter: must be one ASCII character"),
        ("csv: {delimiter: x}", "csv.delimiter: must be one ASCII character"),
        ('csv: {delimiter: "\\n"}', "csv.delimiter: must be one ASCII character"),
        ("csv: {delimiter: 1}", "csv.delimiter: text is expected, not a number"),
        ("csv: {delimiter: null}", "csv.delimiter: text is expected, not nothing"),
        ("csv: {quote: \"''\"}", "csv.quote: must be one ASCII character"),
        ("csv: {comment: '//'}", "csv.comment: must be one ASCII character"),
        (
            "csv: {delimiter: '\"'}",
            "csv: delimiter, quote, comment and the escape character must be",
        ),
        ("csv: {comment: ','}", "csv: delimiter, quote, comment and the escape character must be"),
        ("csv: {escape: ','}", "csv: delimiter, quote, comment and the escape character must be"),
        ("csv: {quote_escape: '\"'}", "csv: delimiter, quote, comment and the escape character must be"),
        ("csv: {escape: \\, quote_escape: \\}", "csv: escape and quote_escape exclude each other"),
        ("csv: {quote: null, quote_escape: \\}", "csv: quote_escape has no meaning without quotes"),
        ("csv: {header: maybe}", "csv.header: true or false is expected"),
        ("csv: {header: false}", "csv.header: without a header the columns must be declared"),
        ("csv: {encoding: utf-9}", "csv.encoding: not a text encoding"),
        ("csv: {encoding: zlib}", "csv.encoding: not a text encoding"),
        ("csv: {encoding: rot13}", "csv.encoding: not a text encoding"),
        ("csv: {encoding: unicode_escape}", "csv.encoding: not a text encoding"),
        ('csv: {encoding: "utf-8\\0"}', "csv.encoding: not a text encoding"),
        ("csv: {null_values: NA}", "csv.null_values: a list is expected, not text"),
        ("csv: {null_values: [0]}", "csv.null_values[0]: text is expected, not a number"),
        ("csv: {delimitr: ';'}", "csv.delimitr: unknown key; did you mean delimiter?"),
        ("json: {path: a}", "json: goes with `format: json` only; remove it"),
    ],
)
def test_a_csv_that_cannot_be_written_so_is_refused(tmp_path: Path, keys: str, problem: str) -> None:
    (found,) = problems(tmp_path, f"format: csv\n    {keys}")

    assert found.startswith(f"9: tables[0].{problem}")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("excel: {sheet: 0}", "excel.sheet"),
        ('excel: {sheet: ""}', "excel.sheet"),
        ("excel: {sheet: true}", "excel.sheet"),
        ("excel: {skip_rows: -1}", "excel.skip_rows"),
        ("excel: {header: false}", "excel.header: without a header the columns must be declared"),
        ("excel: {null_values: [0]}", "excel.null_values[0]: text is expected, not a number"),
        ("csv: {header: true}", "csv: goes with `format: csv` only; remove it"),
    ],
)
def test_a_workbook_that_cannot_be_laid_out_so_is_refused(tmp_path: Path, keys: str, problem: str) -> None:
    (found,) = problems(tmp_path, f"format: excel\n    {keys}")

    assert found.startswith(f"9: tables[0].{problem}")


@pytest.mark.parametrize("sheet", ["2", '"2026"', "Orders of May"])
def test_a_sheet_is_a_number_or_a_name(tmp_path: Path, sheet: str) -> None:
    assert problems(tmp_path, f"format: excel\n    excel: {{sheet: {sheet}, skip_rows: 3}}") == []


@pytest.mark.parametrize("path", ["''", ".", "a.", ".a", "a..b"])
def test_a_json_path_has_no_empty_key(tmp_path: Path, path: str) -> None:
    (found,) = problems(tmp_path, f"format: json\n    json: {{path: {path}}}")

    assert found.startswith("9: tables[0].json.path: not a path")


@pytest.mark.parametrize("file_format", ["ndjson", "parquet", "json"])
def test_options_of_another_format_are_refused(tmp_path: Path, file_format: str) -> None:
    (found,) = problems(tmp_path, f"format: {file_format}\n    csv: {{header: true}}")

    assert found == "9: tables[0].csv: goes with `format: csv` only; remove it"


@pytest.mark.parametrize(
    ("file_format", "columns"),
    [
        ("text", "{lines: string}"),
        ("text", "{line: string, number: {type: long, from: line_no}}"),
        ("binary", "{content: binary, sha256: string}"),
    ],
)
def test_formats_of_fixed_fields_have_no_others(tmp_path: Path, file_format: str, columns: str) -> None:
    (found,) = problems(tmp_path, f"format: {file_format}\n    columns: {columns}")

    assert f"a file of format {file_format} has the fields {{" in found


@pytest.mark.parametrize(
    "keys",
    [
        'format: csv\n    csv: {delimiter: "\\t", quote: null, null_values: ["", NA], comment: "#"}',
        "format: csv\n    csv: {header: false, encoding: latin-1}\n    columns: {b: long, a: string}",
        "format: json\n    json: {path: data.items}",
        "format: text\n    columns: {line_number: long, line: string}",
        "format: text",
        "format: binary",
    ],
)
def test_sound_options_are_accepted(tmp_path: Path, keys: str) -> None:
    assert problems(tmp_path, keys) == []


@pytest.mark.parametrize("name", ["latin-1", "latin1", "L1", "ISO-8859-1", "iso8859-1"])
def test_an_encoding_has_many_names_and_is_one(name: str) -> None:
    assert table(format="csv", csv={"encoding": name}).csv.encoding == "iso8859-1"
