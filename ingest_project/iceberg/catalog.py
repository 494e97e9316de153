"""The Iceberg catalog: tables are found in it, and made from settings when they are missing."""

import logging
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NoSuchIcebergTableError,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CreateTableTransaction, Table

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.catalog_properties import catalog_properties, make_folders
from ingest_project.iceberg.commit import CommitRetry
from ingest_project.iceberg.outage import Outages, is_outage
from ingest_project.iceberg.partition_spec import partition_spec_of
from ingest_project.iceberg.schema import schema_difference, schema_of
from ingest_project.iceberg.table import LakeTable
from ingest_project.iceberg.table_properties import properties_of
from ingest_project.settings.model import RESCUED_COLUMN, AwsSettings, CatalogSettings, TableSettings

_log = logging.getLogger(__name__)
_OPEN_ATTEMPTS = 3


class Lake:
    """The catalog of the settings, opened on first use. Safe to share among threads; `close` ends its connections."""

    def __init__(self, settings: CatalogSettings, aws: AwsSettings, retry: CommitRetry | None = None) -> None:
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
        """The table of this name, as it is; None if there is none.

        Raises CatalogUnavailable, and TableMismatch for a table of the name that is not Iceberg's.
        """
        with self._outages.translated(name):
            catalog = self._catalog()
            table = _load(catalog, name)
        return None if table is None else self._lake_table(catalog, table, name)

    def table(self, settings: TableSettings, *, columns: Mapping[str, str]) -> LakeTable:
        """The table of these settings, made if it is missing; idempotent, also among racing processes.

        `columns` are the declared ones or, where the settings declare none, those inferred from the first rows:
        they shape a new table, but do not judge an existing one. Provenance columns are always added. A declared
        column that an existing table lacks or holds narrower is added or widened by its next commit, if the policy is
        `add_columns`.
        A partition spec that differs is logged and left as it is: rows are written by the table's own.

        Raises TableMismatch, naming column and remedy, for what we must not mend; CatalogUnavailable.
        """
        with self._outages.translated(settings.name):
            catalog = self._catalog()
            table = _load(catalog, settings.name) or _create(catalog, settings, columns)
            found = self._lake_table(catalog, table, settings.name)
            self._reconcile(found, settings)
        return found

    def draft(self, settings: TableSettings, *, columns: Mapping[str, str]) -> LakeTable:
        """As `table`, but a missing one is not made before `LakeTable.create`, so that nothing is left if no row comes.

        Raises PartitionMismatch if the columns are none that the partition spec can be applied to.
        """
        with self._outages.translated(settings.name):
            catalog = self._catalog()
            creation = None if _load(catalog, settings.name) else _staged(catalog, settings, columns)
        if creation is None:
            return self.table(settings, columns=columns)
        table = LakeTable(
            catalog, creation._table, name=settings.name, outages=self._outages, retry=self._retry, creation=creation
        )  # fmt: skip
        self._reconcile(table, settings)
        return table

    def _reconcile(self, found: LakeTable, settings: TableSettings) -> None:
        declared = settings.column_types or {}
        if settings.schema_evolution == "rescue":
            found.change_columns({RESCUED_COLUMN: "string"})
        if settings.schema_evolution != "add_columns" and (
            lines := schema_difference(declared, found.columns)
        ):
            remedy = "set schema_evolution: add_columns, or declare what the table has"
            raise TableMismatch(settings.name, f"{'; '.join(lines)}; {remedy}")
        found.change_columns(declared)
        for line in found.differences(settings):
            _log.warning("table %s: %s", settings.name, line)

    def _lake_table(self, catalog: Catalog, table: Table, name: str) -> LakeTable:
        return LakeTable(catalog, table, name=name, outages=self._outages, retry=self._retry)

    def _catalog(self) -> Catalog:
        with self._opening:
            if self._opened is None:
                make_folders(self._properties)
                self._opened = self._open()
            return self._opened

    def _open(self) -> Catalog:
        """Two processes that open a new SQL catalog at once both create its tables, and one fails; it opens again.

        Whatever stops it is CatalogUnavailable: PyIceberg's own errors quote all properties, secrets included.
        """
        for attempt in range(1, _OPEN_ATTEMPTS + 1):
            try:
                return load_catalog(self._name, **self._properties)
            except Exception as error:  # of any class: the database's, a file system's, PyIceberg's own
                if attempt == _OPEN_ATTEMPTS or not is_outage(error):
                    raise self._outages.unavailable(f"catalog {self._name}", error) from None
                time.sleep(0.1 * attempt)
        raise AssertionError("unreachable")


def _load(catalog: Catalog, name: str) -> Table | None:
    try:
        return catalog.load_table(name)
    except NoSuchIcebergTableError as error:
        raise TableMismatch(
            name, "a table of this name exists, but it is no Iceberg table; rename one of them"
        ) from error
    except (NoSuchTableError, NoSuchNamespaceError):
        return None


def _staged(
    catalog: Catalog, settings: TableSettings, columns: Mapping[str, str]
) -> CreateTableTransaction | None:
    """A table that is only to be made; None if the catalog can only make one at once."""
    schema, spec = _shape(settings, columns)
    _create_namespaces(catalog, settings.name)
    try:
        return catalog.create_table_transaction(
            settings.name, schema, partition_spec=spec, properties=properties_of(settings)
        )
    except (RESTError, NotImplementedError, ValueError):
        # S3 Tables tells a table's location only when the table is made; an outage shows again when it is.
        return None


def _shape(settings: TableSettings, columns: Mapping[str, str]) -> tuple[Schema, PartitionSpec]:
    try:
        schema = schema_of(columns)
    except ValueError as error:
        raise TableMismatch(settings.name, f"columns: {error}") from error
    return schema, partition_spec_of(settings.partition_spec, schema, table=settings.name)


def _create(catalog: Catalog, settings: TableSettings, columns: Mapping[str, str]) -> Table:
    schema, spec = _shape(settings, columns)
    _create_namespaces(catalog, settings.name)
    try:
        return catalog.create_table(
            settings.name, schema, partition_spec=spec, properties=properties_of(settings)
        )
    except TableAlreadyExistsError:
        return catalog.load_table(settings.name)


def _create_namespaces(catalog: Catalog, table_name: str) -> None:
    parts = table_name.split(".")[:-1]
    for depth in range(1, len(parts) + 1):
        namespace = tuple(parts[:depth])
        try:
            catalog.create_namespace(namespace)
        except NamespaceAlreadyExistsError:
            continue
        except Exception:  # of whichever class the catalog's database has
            # A SQL catalog looks and then inserts; whoever comes second gets its database's error for a duplicate.
            if not catalog.namespace_exists(namespace):
                raise
