import pytest

from ingest_project.settings.table_rules import table_faults
from ingest_project_tests.settings.factories import table


def faults_of(yaml_text: str) -> list[tuple[str, str]]:
    """Where below `tables[3]`, and what."""
    return [(".".join(map(str, fault.path[2:])), fault.text) for fault in table_faults(3, table(yaml_text))]


@pytest.mark.parametrize(
    ("yaml_text", "path", "text"),
    [
        ("columns: {a: strng}", "columns.a", "did you mean string?"),
        ("columns: {a: int, A: int}", "columns.A", "another column has this name"),
        (
            "{case_insensitive: true, columns: {größe: int, GRÖSSE: int}}",
            "columns.GRÖSSE",
            "another column has this name (case does not count)",
        ),
        (
            "{case_insensitive: true, columns: {a: {type: int, from: Id}, b: {type: int, from: ID}}}",
            "columns.b",
            "is read from 'ID', and an earlier column from 'Id': they are one field (case does not count)",
        ),
        (
            "{case_insensitive: true, columns: {Place: {drop: true}, zip: {type: int, from: place.zip}}}",
            "columns.zip",
            "is read from 'place', and an earlier column from 'Place'",
        ),
        ("columns: {' ': int}", "columns. ", "a column needs a name"),
        *(
            (
                f"{{format: {name}, columns: {{a: {{type: int, from: ' '}}}}}}",
                "columns.a.from",
                "called by its place, like column_3",
            )
            for name in ("csv", "excel", "parquet", "ipc", "orc")
        ),
        ("{columns: {a: int}, partition_spec: [a, 'day(b)']}", "partition_spec.1", "no such column"),
        ("{columns: {a: int}, partition_spec: ['day(a)']}", "partition_spec.0", "day does not take a int"),
        (
            "{columns: {a: date}, partition_spec: ['hour(a)']}",
            "partition_spec.0",
            "hour does not take a date",
        ),
        ("{partition_spec: ['hour(_source_uri)']}", "partition_spec.0", "hour does not take a string"),
        ("{partition_spec: ['day(a']}", "partition_spec.0", "not a partition field"),
        (
            "{columns: {a: 'list<int>'}, partition_spec: [a]}",
            "partition_spec.0",
            "a list cannot partition rows",
        ),
        (
            "{columns: {a: 'struct<b: int>'}, partition_spec: ['day(a.b)']}",
            "partition_spec.0",
            "does not take a int",
        ),
        ("{partition_spec: ['day(t)', 'hour(t)']}", "partition_spec.1", "keep hour(t) alone"),
        (
            "{columns: {a: int}, partition_spec: ['bucket[4](a)', a]}",
            "partition_spec.1",
            "only one field of a column can be written; keep one of them",
        ),
        (
            "{columns: {a: {drop: true, description: x}, b: int}}",
            "columns.a.description",
            "goes with a type only",
        ),
        ("{partition_spec: [a, 'identity(a)']}", "partition_spec.1", "is listed before"),
        (
            "partition: {values: [a, b, a], pattern: '(?P<partition>.)'}",
            "partition.values.2",
            "is listed before",
        ),
        ("rebuild_schedule: every day", "rebuild_schedule", "five fields"),
        ("on_error: {mising: park}", "on_error.mising", "no such class of errors; did you mean missing?"),
        ("on_error: {x: park}", "on_error.x", "known are missing, forbidden, kms,"),
        (
            "on_error: {unavailable: acknowledge}",
            "on_error.unavailable",
            "acknowledge would drop an object that is not at fault; choose retry, release or park",
        ),
        ("{prefix: in/, exclude: [a, 'in/b*']}", "exclude.1", "leave 'in/' out, or write **/ before it"),
        (
            "columns: {a: {type: 'list<int>', from_key: 'a=(.)'}}",
            "columns.a.from_key",
            "no value of type list",
        ),
        ("on_error: {conflict: park}", "on_error.conflict", "an error of a whole batch, not of an object"),
        ("on_error: {unroutable: park}", "on_error.unroutable", "an error of a whole message"),
    ],
)
def test_a_fault_is_reported_at_the_key_to_blame(yaml_text: str, path: str, text: str) -> None:
    ((found, fault),) = faults_of(yaml_text)

    assert found == path
    assert text in fault


@pytest.mark.parametrize(
    "yaml_text",
    [
        (
            "{columns: {a: timestamptz, b: long}, "
            "partition_spec: ['day(a)', 'bucket[16](b)', 'hour(_ingested_at)']}"
        ),
        "{columns: {'a b': 'struct<`c d`: date>'}, partition_spec: ['day(a b.c d)']}",
        "{partition_spec: ['day(whatever_is_inferred)', 'hour(_ingested_at)']}",
        "rebuild_schedule: 0 3 * * *",
        "{format: ndjson, columns: {a: {type: int, from: ''}, b: {drop: true, from: ' '}}}",
        "{hidden_files: ingest, exclude: ['*.bak', '**/in/b*']}",
        "{schema_evolution: rescue, bad_rows: quarantine}",
        (
            "{case_insensitive: true, columns: {id: int, other: {type: int, from: id}, "
            "x: {type: int, from: place.zip}, place: {drop: true}}}"
        ),
        (
            "on_error: {missing: acknowledge, archived: park, throttled: release, "
            "unreadable: retry, unknown: park}"
        ),
    ],
)
def test_a_valid_table_has_no_faults(yaml_text: str) -> None:
    assert faults_of(yaml_text) == []


def test_a_column_of_an_unknown_type_is_reported_once_even_if_it_is_partitioned_by() -> None:
    assert [path for path, _ in faults_of("{columns: {a: strng}, partition_spec: ['day(a)']}")] == [
        "columns.a"
    ]
