import yaml

from ingest_project.reading.format_options import DEFAULT_OPTIONS, CsvDialect, FormatOptions, format_options
from ingest_project_tests.settings.factories import table


def test_a_table_without_options_has_the_defaults_of_the_readers() -> None:
    assert format_options(table(format="csv")) == DEFAULT_OPTIONS


def test_every_option_of_csv_reaches_its_reader() -> None:
    text = """
        {delimiter: "\\t", quote: null, header: false, encoding: latin-1, null_values: [NA, "-"],
        comment: "#"}
    """

    options = format_options(
        table(format="csv", columns={"b": "long", "a": "string"}, csv=yaml.safe_load(text))
    )

    dialect = CsvDialect(
        delimiter="\t",
        quote=None,
        names=("b", "a"),
        encoding="iso8859-1",
        null_values=("NA", "-"),
        comment="#",
    )
    assert options == FormatOptions(csv=dialect)


def test_the_columns_name_the_fields_only_without_a_header() -> None:
    assert format_options(table(format="csv", columns={"a": "long"})).csv.names is None


def test_a_json_path_is_its_keys() -> None:
    assert format_options(table(format="json", json={"path": "data.items"})).json_path == ("data", "items")
