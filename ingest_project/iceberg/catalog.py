"""The Iceberg catalog: finds tables, and creates missing ones from the settings."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from pydantic import ValidationError as ModelError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NoSuchIcebergTableError,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    TableAlreadyExistsError,
    ValidationError,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CreateTableTransaction, Table
from pyiceberg.table.sorting import SortOrder

from ingest_project.errors import IngestError, TableMismatch
from ingest_project.iceberg.arrow_memory import use_system_memory
from ingest_project.iceberg.case_twins import refuse_case_twins
from ingest_project.iceberg.catalog_properties import catalog_properties, make_folders, sqlite_file
from ingest_project.iceberg.commit import CommitRetry
from ingest_project.iceberg.metadata_once import handle_metadata_once
from ingest_project.iceberg.outage import Outages, is_outage
from ingest_project.iceberg.partition_spec import partition_spec_of
from ingest_project.iceberg.refusal import refusals, words_of
from ingest_project.iceberg.schema import schema_difference, schema_of
from ingest_project.iceberg.sort_order import sort_order_of
from ingest_project.iceberg.table import LakeTable
from ingest_project.iceberg.table_properties import properties_of
from ingest_project.settings.model import RESCUED_COLUMN, AwsSettings, CatalogSettings, TableSettings
from ingest_project.settings.names import table_identifier
from ingest_project.settings.private_files import make_private, with_side_files

_log = logging.getLogger(__name__)
_OPEN_ATTEMPTS = 3


class Lake:
    """The catalog of the settings, opened on first use. Safe to share among threads."""

    def __init__(self, settings: CatalogSettings, aws: AwsSettings, retry: CommitRetry | None = None) -> None:
        use_system_memory()
        self._name = settings.name
        self._properties = catalog_properties(settings, aws)
        self._outages = Outages(self._properties)
        self._retry = retry or CommitRetry()
        self._opened: Catalog | None = None
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the catalog's connections; the next use opens it again."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def find(self, name: str) -> LakeTable | None:
        """The table of this name as it is; None if there is none.

        Raises CatalogUnavailable, and TableMismatch if the table is not an Iceberg table or PyIceberg cannot
        read it.
        """
        with self._translated(name):
            catalog = self._catalog()
            table = _load(catalog, name)
        return None if table is None else self._lake_table(catalog, table, name)

    def table(self, settings: TableSettings, *, columns: Mapping[str, str]) -> LakeTable:
        """The table of these settings, created if it is missing; idempotent, also if processes race.

        `columns` are the declared ones or, without these, those inferred from the first rows: a new table
        gets them, an existing one is not compared with them. Provenance columns are always added. If the
        policy is `add_columns`, the next commit to an existing table adds missing declared columns, widens
        narrower ones, and updates their descriptions. A different partition spec is logged: rows are written
        by the table's own.

        Raises TableMismatch, with column and remedy, if the table differs in a way that we must not change;
        CatalogUnavailable.
        """
        with self._translated(settings.name):
            catalog = self._catalog()
            table = _load(catalog, settings.name) or _create(catalog, settings, columns)
            found = self._lake_table(catalog, table, settings.name)
            self._reconcile(found, settings)
        return found

    def draft(self, settings: TableSettings, *, columns: Mapping[str, str]) -> LakeTable:
        """Like `table`, but a missing table is created later, by `LakeTable.create`, if there are rows.

        Raises PartitionMismatch if the partition spec cannot be applied to the columns.
        """
        with self._translated(settings.name):
            catalog = self._catalog()
            creation = None if _load(catalog, settings.name) else _staged(catalog, settings, columns)
        if creation is None:
            return self.table(settings, columns=columns)
        table = LakeTable(
            catalog, creation._table, name=settings.name, outages=self._outages, retry=self._retry,
            creation=creation,
        )  # fmt: skip
        self._reconcile(table, settings)
        return table

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """Raises CatalogUnavailable for all errors of libraries, without the secrets that they quote."""
        with self._outages.translated(name):
            try:
                yield
            except (IngestError, MemoryError):
                raise
            except Exception as error:  # of any class: PyIceberg uses many for wrong properties
                if is_outage(error):
                    raise
                raise self._outages.unavailable(name, error) from error

    def _reconcile(self, found: LakeTable, settings: TableSettings) -> None:
        declared = settings.column_types or {}
        refuse_case_twins(settings, found.columns)
        if settings.schema_evolution == "rescue":
            found.change_columns({RESCUED_COLUMN: "string"})
        if settings.schema_evolution != "add_columns" and (
            lines := schema_difference(declared, found.columns)
        ):
            remedy = "set schema_evolution: add_columns, or declare what the table has"
            raise TableMismatch(settings.name, f"{'; '.join(lines)}; {remedy}")
        found.change_columns(
            declared, settings.column_descriptions if settings.schema_evolution == "add_columns" else None
        )
        for line in found.differences(settings):
            _log.warning("table %s: %s", settings.name, line)

    def _lake_table(self, catalog: Catalog, table: Table, name: str) -> LakeTable:
        return LakeTable(catalog, table, name=name, outages=self._outages, retry=self._retry)

    def _catalog(self) -> Catalog:
        with self._opening:
            if self._opened is None:
                file = sqlite_file(self._properties)
                is_new = file is not None and not file.exists()
                make_folders(self._properties)
                handle_metadata_once()
                self._opened = self._open()
                if file is not None and is_new:  # an existing file may have other readers
                    make_private(*with_side_files(file))
            return self._opened

    def _open(self) -> Catalog:
        """Opens the catalog; tries again if another process creates a new SQL catalog's tables meanwhile.

        Raises CatalogUnavailable for every error: PyIceberg's own errors quote all properties, secrets
        included.
        """
        for attempt in range(1, _OPEN_ATTEMPTS + 1):
            try:
                return load_catalog(self._name, **self._properties)
            except Exception as error:  # of any class: a database's, a file system's or PyIceberg's
                if attempt == _OPEN_ATTEMPTS or not is_outage(error):
                    raise self._outages.unavailable(f"catalog {self._name}", error) from None
                time.sleep(0.1 * attempt)
        raise AssertionError("unreachable")


def _load(catalog: Catalog, name: str) -> Table | None:
    try:
        return catalog.load_table(table_identifier(name))
    except (ValidationError, ModelError, NotImplementedError) as error:
        reason = f"PyIceberg cannot read its metadata: {words_of(error)}"
        raise TableMismatch(name, f"{reason}; change the table as it says, or ingest into another") from error
    except NoSuchIcebergTableError as error:
        raise TableMismatch(
            name, "a table of this name exists, but it is not an Iceberg table; rename one of them"
        ) from error
    except (NoSuchTableError, NoSuchNamespaceError):
        return None


def _staged(
    catalog: Catalog, settings: TableSettings, columns: Mapping[str, str]
) -> CreateTableTransaction | None:
    """The creation of a table, to be committed later; None if the catalog can only create it at once."""
    schema, spec, order = _shape(settings, columns)
    _create_namespaces(catalog, settings.name)
    try:
        return catalog.create_table_transaction(
            table_identifier(settings.name),
            schema,
            partition_spec=spec,
            sort_order=order,
            properties=properties_of(settings),
        )
    except (RESTError, NotImplementedError, ValueError):
        # S3 Tables chooses a table's location only when it creates the table. An outage will be raised again
        # then.
        return None


def _shape(settings: TableSettings, columns: Mapping[str, str]) -> tuple[Schema, PartitionSpec, SortOrder]:
    try:
        schema = schema_of(columns, settings.column_descriptions)
    except ValueError as error:
        raise TableMismatch(settings.name, f"columns: {error}") from error
    spec = partition_spec_of(settings.partition_spec, schema, table=settings.name)
    return schema, spec, sort_order_of(settings.sort_order, schema, table=settings.name)


def _create(catalog: Catalog, settings: TableSettings, columns: Mapping[str, str]) -> Table:
    schema, spec, order = _shape(settings, columns)
    _create_namespaces(catalog, settings.name)
    with refusals(settings.name, "PyIceberg cannot create it"), suppress(TableAlreadyExistsError):
        return catalog.create_table(
            table_identifier(settings.name),
            schema,
            partition_spec=spec,
            sort_order=order,
            properties=properties_of(settings),
        )
    return catalog.load_table(table_identifier(settings.name))


def _create_namespaces(catalog: Catalog, table_name: str) -> None:
    parts = table_identifier(table_name).split(".")[:-1]
    for depth in range(1, len(parts) + 1):
        namespace = tuple(parts[:depth])
        try:
            catalog.create_namespace(namespace)
        except NamespaceAlreadyExistsError:
            continue
        except Exception:  # of any class
            # A SQL catalog looks and then inserts: in a race, the second gets the database's error for a
            # duplicate.
            if not catalog.namespace_exists(namespace):
                raise
