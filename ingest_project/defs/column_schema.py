"""The columns of a table as the web UI shows them: the table's own, then those that the ingest writes."""

from collections.abc import Mapping

import dagster as dg

from ingest_project.settings.provenance import PROVENANCE, RESCUED


def column_schema(columns: Mapping[str, str], descriptions: Mapping[str, str]) -> dg.TableSchema:
    """The columns with Iceberg's type names, then the provenance columns."""
    told = {name: column.description for name, column in RESCUED.items()} | dict(descriptions)
    own = [dg.TableColumn(name, type_name, told.get(name)) for name, type_name in columns.items()]
    added = [dg.TableColumn(name, column.type, column.description) for name, column in PROVENANCE.items()]
    return dg.TableSchema([*own, *added])
