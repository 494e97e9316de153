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
        ("columns: {' ': int}", "columns. ", "a column needs a name"),
        ("{columns: {a: int}, partition_spec: [a, 'day(b)']}", "partition_spec.1", "no such column"),
        ("{columns: {a: int}, partition_spec: ['day(a)']}", "partition_spec.0", "day does not take a int"),
        (
            "{columns: {a: date}, partition_spec: ['hour(a)']}",
            "partition_spec.0",
            "hour does not take a date",
        ),
        ("{partition_spec: ['hour(_source_uri)']}", "partition_spec.0", "hour does not take a string"),
        ("{partition_spec: ['day(a']}", "partition_spec.0", "no partition field"),
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
            "acknowledge would drop an object that nothing is wrong with; choose retry, release or park",
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
        "{columns: {a: timestamptz, b: long}, partition_spec: ['day(a)', 'bucket[16](b)', 'hour(_ingested_at)']}",
        "{partition_spec: ['day(whatever_is_inferred)', 'hour(_ingested_at)']}",
        "rebuild_schedule: 0 3 * * *",
        "{schema_evolution: rescue, bad_rows: quarantine}",
        "on_error: {missing: acknowledge, archived: park, throttled: release, unreadable: retry, unknown: park}",
    ],
)
def test_a_sound_table_has_no_faults(yaml_text: str) -> None:
    assert faults_of(yaml_text) == []


def test_a_column_of_an_unknown_type_is_reported_once_even_if_it_is_partitioned_by() -> None:
    assert [path for path, _ in faults_of("{columns: {a: strng}, partition_spec: ['day(a)']}")] == [
        "columns.a"
    ]
