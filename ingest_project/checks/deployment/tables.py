"""Checks that the catalog answers, and that its tables agree with their settings."""

from collections.abc import Iterator

from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.errors import CatalogUnavailable, TableMismatch
from ingest_project.iceberg.case_twins import case_faults
from ingest_project.iceberg.schema import impossible_changes, schema_difference
from ingest_project.iceberg.table import LakeTable
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings

_REMEDY = (
    "check that the catalog and its warehouse are running, and that `catalog` names them and valid "
    "credentials"
)


def check_tables(services: Services) -> list[Finding]:
    """The findings about each table; one finding about the catalog if it fails for all tables alike."""
    catalog = services.settings.catalog
    findings: list[Finding] = []
    reasons: list[str] = []
    for table in services.settings.tables:
        try:
            findings += _check_table(_find(services, table), table)
        except CatalogUnavailable as error:
            findings.append(problem("table", table.name, error.reason, _REMEDY))
            reasons.append(error.reason)
    if len(reasons) == len(services.settings.tables) and len(set(reasons)) == 1:
        return [problem("catalog", catalog.name, reasons[0], _REMEDY)]
    return [ok("catalog", catalog.name, f"{catalog.type} catalog answers"), *findings]


def _find(services: Services, table: TableSettings) -> LakeTable | TableMismatch | None:
    try:
        return services.lake.find(table.name)
    except TableMismatch as error:
        return error


def _check_table(found: LakeTable | TableMismatch | None, table: TableSettings) -> list[Finding]:
    if found is None:
        return [ok("table", table.name, "does not exist yet; its first batch creates it")]
    if isinstance(found, TableMismatch):
        return [
            problem(
                "table",
                table.name,
                found.reason,
                "rename the table in ingest.yaml, or correct the existing one",
            )
        ]
    if obstacles := found.obstacles():
        return [problem("table", table.name, one.reason, one.remedy) for one in obstacles]
    if faults := [*case_faults(table, found.columns)]:
        return [problem("table", table.name, reason, remedy) for reason, remedy in faults]
    differences = [
        *_delete_warnings(found, table),
        *_column_differences(found, table),
        *_partition_differences(found, table),
    ]
    return differences or [ok("table", table.name, f"agrees with its settings; {found.location}")]


def _delete_warnings(found: LakeTable, table: TableSettings) -> Iterator[Finding]:
    if table.on_overwrite == "replace" and found.has_equality_deletes:
        said = "has equality deletes: rows are added, but cannot be replaced when a key is written again"
        yield warning("table", table.name, said, "compact the table with the engine that wrote them")


def _column_differences(found: LakeTable, table: TableSettings) -> Iterator[Finding]:
    """The differences of the columns: warnings if the next batch changes the table, problems if it cannot."""
    declared = table.column_types or {}
    impossible = impossible_changes(declared, found.columns)
    if table.schema_evolution != "add_columns":
        remedy = "set schema_evolution: add_columns, or declare what the table has"
        for line in schema_difference(declared, found.columns):
            yield problem("table", table.name, line, remedy)
    elif impossible:
        for line in impossible:
            yield problem("table", table.name, line, "declare the type that the table has")
    else:
        for line in schema_difference(declared, found.columns):
            yield warning(
                "table",
                table.name,
                line,
                "nothing: the next batch evolves the table (schema_evolution: add_columns)",
            )


def _partition_differences(found: LakeTable, table: TableSettings) -> Iterator[Finding]:
    columns = schema_difference(table.column_types or {}, found.columns)
    for line in found.differences(table):
        if line not in columns:
            remedy = "declare what the table has; rows are written with that in any case"
            yield warning("table", table.name, line, remedy)
