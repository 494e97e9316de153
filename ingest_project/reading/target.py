"""The table that rows are for, and how its columns come from the fields of files, made from the settings."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from ingest_project.reading.spelling import NamesInAnyCase, Spelling
from ingest_project.settings.model import (
    RESERVED_COLUMNS,
    SchemaEvolution,
    TableSettings,
)
from ingest_project.settings.partition_fields import parse_partition_field


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column that is read from a field: the one of exactly the name `source`, else the one at that path.

    A `declared` column keeps its type; the others came with files, which may widen them. `default` replaces
    null; it is a text or a number. A `dropped` column is for expressions only.
    """

    name: str
    type: str
    source: str
    declared: bool = True
    formats: tuple[str, ...] = ()
    timezone: str | None = None
    default: str | float | None = None
    dropped: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.source.split("."))

    @property
    def may_be_a_path(self) -> bool:
        """Whether `source` has dots, which may separate the names of a path."""
        return self.declared and "." in self.source


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column whose values are in the object keys, where the group of `pattern` finds them."""

    name: str
    type: str
    pattern: str
    formats: tuple[str, ...] = ()
    timezone: str | None = None
    default: str | float | None = None
    dropped: bool = False

    def as_mapped(self) -> MappedColumn:
        """The column as if it were read from a field of its name."""
        return MappedColumn(
            self.name, self.type, self.name, formats=self.formats, timezone=self.timezone,
            default=self.default, dropped=self.dropped,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ComputedColumn:
    """A column that a SQL expression computes from the other columns."""

    name: str
    type: str
    sql: str
    default: str | float | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The declared columns of a table; empty if all of them are inferred. `ignored` fields are not read."""

    mapped: tuple[MappedColumn, ...] = ()
    computed: tuple[ComputedColumn, ...] = ()
    ignored: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    expectations: Mapping[str, str] = field(default_factory=dict)
    from_key: tuple[KeyColumn, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All declared columns, dropped ones too."""
        return frozenset(one.name for one in self._all())

    @property
    def passed_over(self) -> frozenset[str]:
        """The fields that are not needed at all: a column may be read from within an ignored field."""
        return self.ignored - {name for one in self.mapped for name in (one.source, one.path[0])}

    @property
    def dropped(self) -> frozenset[str]:
        """Columns that are not written."""
        return frozenset(one.name for one in self._all() if one.dropped)

    def _all(self) -> "Iterator[MappedColumn | KeyColumn | ComputedColumn]":
        yield from self.mapped
        yield from self.from_key
        yield from self.computed


@dataclass(frozen=True, slots=True)
class Target:
    """The table that the rows are for: its columns with Iceberg's type names (None: not known yet), and its
    rules.

    `taken` are names that a new column may not have because the table uses them otherwise. `required` are
    paths of values that may not be null, each a column's name and the steps below it. `spelling` is not None
    if case does not count.
    """

    types: Mapping[str, str] | None
    evolution: SchemaEvolution = "add_columns"
    mapping: ColumnMapping = ColumnMapping()
    taken: frozenset[str] = frozenset()
    required: frozenset[tuple[str, ...]] = frozenset()
    spelling: Spelling | None = None

    @property
    def passed_over(self) -> Container[str]:
        """The fields that are not needed, in any spelling that files may use."""
        names = self.mapping.passed_over
        return names if self.spelling is None else NamesInAnyCase(names)

    @property
    def rescues(self) -> bool:
        """Whether values that do not fit are kept in `_rescued_data`.

        In a table that does not exist yet all values fit.
        """
        return self.evolution == "rescue" and self.types is not None

    def columns(self) -> Iterator[MappedColumn]:
        """The columns that are read from fields: the declared ones, then the table's other ones."""
        yield from self.mapping.mapped
        declared = self.mapping.names
        for name, type_name in (self.types or {}).items():
            if name not in declared and name not in RESERVED_COLUMNS:
                source = name if self.spelling is None else self.spelling.of(name)
                yield MappedColumn(name, type_name, source, declared=False)

    def fields(self) -> dict[str, str]:
        """The fields to which a reader may give a type, each with the Iceberg type that holds all of its
        values.

        A source that may be a path is not among them: only the file tells whether it is a field or lies in
        one.
        """
        found: dict[str, str] = {}
        for column in self.columns():
            if column.may_be_a_path:
                continue
            wanted = _read_as(column, widens=self.evolution == "add_columns")
            known = found.setdefault(column.source, wanted)
            if known != wanted:  # two columns of one field: text holds the values of both
                found[column.source] = "string"
        return found

    def paths(self) -> frozenset[str]:
        """The sources of columns that may be paths."""
        return frozenset(one.source for one in self.mapping.mapped if one.may_be_a_path)

    def exact_paths(self) -> frozenset[str]:
        """The sources that may be paths and whose columns keep a number as it is written."""
        return frozenset(
            one.source for one in self.mapping.mapped if one.may_be_a_path and _keeps_digits(one)
        )

    def text_fields(self) -> frozenset[str]:
        """The fields that stay text until they are cast, in a format without types."""
        return frozenset(one.source for one in self.columns())


def column_mapping(table: TableSettings) -> ColumnMapping:
    """The columns that the settings of a table declare."""
    columns = table.columns or {}
    mapped = tuple(
        MappedColumn(
            name, one.type, name if one.from_ is None else one.from_,
            formats=tuple(one.format or ()), timezone=one.timezone, default=one.default, dropped=one.drop,
        )
        for name, one in columns.items()
        if one.type is not None and one.sql is None and one.from_key is None
    )  # fmt: skip
    from_key = tuple(
        KeyColumn(
            name, one.type, one.from_key, formats=tuple(one.format or ()), timezone=one.timezone,
            default=one.default, dropped=one.drop,
        )
        for name, one in columns.items()
        if one.type is not None and one.from_key is not None
    )  # fmt: skip
    computed = tuple(
        ComputedColumn(name, one.type, one.sql, default=one.default, dropped=one.drop)
        for name, one in columns.items()
        if one.type is not None and one.sql is not None
    )
    return ColumnMapping(
        mapped,
        computed,
        from_key=from_key,
        ignored=frozenset(
            name if one.from_ is None else one.from_ for name, one in columns.items() if one.is_ignored
        ),
        required=frozenset(name for name, one in columns.items() if one.required),
        expectations=table.expectations,
    )


def target_of(table: TableSettings, types: Mapping[str, str] | None) -> Target:
    """The target of a table with these settings and these columns."""
    mapping = column_mapping(table)
    spelling = _spelling(table, mapping, types) if table.case_insensitive else None
    return Target(types, table.schema_evolution, mapping, spelling=spelling)


def _spelling(table: TableSettings, mapping: ColumnMapping, types: Mapping[str, str] | None) -> Spelling:
    """The declared spelling of each name: a field's, else a column's, else the table's."""
    fields = chain.from_iterable((one.source, one.path[0]) for one in mapping.mapped)
    partitioned = (parse_partition_field(entry).column.partition(".")[0] for entry in table.partition_spec)
    return Spelling().with_names(
        [*fields, *mapping.ignored, *(table.columns or {}), *partitioned, *(types or {})]
    )


def _keeps_digits(column: MappedColumn) -> bool:
    is_exact = column.type in {"string", "int", "long"} or column.type.startswith("decimal")
    return is_exact or bool(column.formats or column.timezone)


def _read_as(column: MappedColumn, *, widens: bool) -> str:
    if column.formats or column.timezone:
        return "string"
    return widest(column.type) if widens and not column.declared else column.type


def widest(type_name: str) -> str:
    """The widest type to which Iceberg can widen this one, if a number's text may need that."""
    if type_name == "int":
        return "long"
    if type_name.startswith("decimal("):
        scale = type_name[len("decimal(") : -1].split(",")[1].strip()
        return f"decimal(38,{scale})"
    return type_name
