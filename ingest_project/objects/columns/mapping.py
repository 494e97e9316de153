"""How the columns of a table come from the fields of its files: the settings' `columns`, ready to be applied."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest_project.settings.model import (
    RESERVED_COLUMNS,
    SchemaEvolution,
    TableSettings,
)


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column that is read from a field: one of exactly the name `source`, else the path of names in it.

    What is `declared` keeps its type; the others came with the files, and may be widened by them. `default` stands for
    null, as text or as a number. What is `dropped` is for expressions only.
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
        """Whether the settings' word for the field has dots in it, which may part names."""
        return self.declared and "." in self.source


@dataclass(frozen=True, slots=True)
class ComputedColumn:
    """A column that a SQL expression of the mapped columns computes."""

    name: str
    type: str
    sql: str
    default: str | float | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """The declared columns of a table; empty if all of them are inferred. `ignored` are fields to pass over."""

    mapped: tuple[MappedColumn, ...] = ()
    computed: tuple[ComputedColumn, ...] = ()
    ignored: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    expectations: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """All declared columns, dropped ones too."""
        return frozenset(one.name for one in self.mapped) | frozenset(one.name for one in self.computed)

    @property
    def passed_over(self) -> frozenset[str]:
        """The fields of which nothing is needed: a column may be read from below one that is ignored."""
        return self.ignored - {name for one in self.mapped for name in (one.source, one.path[0])}

    @property
    def dropped(self) -> frozenset[str]:
        """Columns that are not written."""
        mapped = frozenset(one.name for one in self.mapped if one.dropped)
        return mapped | frozenset(one.name for one in self.computed if one.dropped)


@dataclass(frozen=True, slots=True)
class Target:
    """The table that the rows are for: its columns with Iceberg's type names (None: it has none yet), and its rules.

    `taken` are names that no new column may have, as the table uses them otherwise.
    """

    types: Mapping[str, str] | None
    evolution: SchemaEvolution = "add_columns"
    mapping: ColumnMapping = ColumnMapping()
    taken: frozenset[str] = frozenset()

    @property
    def rescues(self) -> bool:
        """Whether what does not fit is kept in `_rescued_data`; a table that is yet to be has a place for all."""
        return self.evolution == "rescue" and self.types is not None

    def columns(self) -> Iterator[MappedColumn]:
        """The columns that are read from fields: the declared ones, then what the table has beyond them."""
        yield from self.mapping.mapped
        declared = self.mapping.names
        for name, type_name in (self.types or {}).items():
            if name not in declared and name not in RESERVED_COLUMNS:
                yield MappedColumn(name, type_name, name, declared=False)

    def fields(self) -> dict[str, str]:
        """The fields that a reader may type at once, with the Iceberg type that holds all that they may become.

        One whose name may be a path is not among them: whether it is a field or lies in one, the file must tell.
        """
        found: dict[str, str] = {}
        for column in self.columns():
            if column.may_be_a_path:
                continue
            wanted = _read_as(column, widens=self.evolution == "add_columns")
            known = found.setdefault(column.source, wanted)
            if known != wanted:  # two columns of one field: text holds whatever both may want
                found[column.source] = "string"
        return found

    def paths(self) -> frozenset[str]:
        """What columns are read from where its name may be a path."""
        return frozenset(one.source for one in self.mapping.mapped if one.may_be_a_path)

    def exact_paths(self) -> frozenset[str]:
        """What columns are read from that keep a number as it is written, where its name may be a path."""
        return frozenset(
            one.source for one in self.mapping.mapped if one.may_be_a_path and _keeps_digits(one)
        )

    def text_fields(self) -> frozenset[str]:
        """The fields of a format without types that are to stay text until they are cast."""
        return frozenset(one.source for one in self.columns())


def column_mapping(table: TableSettings) -> ColumnMapping:
    """The mapping that the settings of a table declare."""
    columns = table.columns or {}
    mapped = tuple(
        MappedColumn(
            name, one.type, name if one.from_ is None else one.from_, formats=tuple(one.format or ()), timezone=one.timezone,
            default=one.default, dropped=one.drop,
        )
        for name, one in columns.items()
        if one.type is not None and one.sql is None
    )  # fmt: skip
    computed = tuple(
        ComputedColumn(name, one.type, one.sql, default=one.default, dropped=one.drop)
        for name, one in columns.items()
        if one.type is not None and one.sql is not None
    )
    return ColumnMapping(
        mapped,
        computed,
        ignored=frozenset(
            name if one.from_ is None else one.from_ for name, one in columns.items() if one.is_ignored
        ),
        required=frozenset(name for name, one in columns.items() if one.required),
        expectations=table.expectations,
    )


def target_of(table: TableSettings, types: Mapping[str, str] | None) -> Target:
    """What rows become in a table of these settings that has these columns."""
    return Target(types, table.schema_evolution, column_mapping(table))


def _keeps_digits(column: MappedColumn) -> bool:
    is_exact = column.type in {"string", "int", "long"} or column.type.startswith("decimal")
    return is_exact or bool(column.formats or column.timezone)


def _read_as(column: MappedColumn, *, widens: bool) -> str:
    if column.formats or column.timezone:
        return "string"
    return widest(column.type) if widens and not column.declared else column.type


def widest(type_name: str) -> str:
    """The widest type that Iceberg widens this one to, of those that a number's text may need."""
    if type_name == "int":
        return "long"
    if type_name.startswith("decimal("):
        scale = type_name[len("decimal(") : -1].split(",")[1].strip()
        return f"decimal(38,{scale})"
    return type_name
