"""The rows of a Polars frame as entries for a queue, and failed entries as a frame that a user can store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest_project.errors import InvalidEntries
from ingest_project.sources.sqs.send_result import FailedEntry

if TYPE_CHECKING:
    import polars as pl

PART_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """Which columns become what; None: the row's number is the Id, and the whole row as JSON the body.

    `attributes` are columns by the names of message attributes. A row without a value has no such attribute.
    """

    id: str | None = None
    body: str | None = None
    group: str | None = None
    deduplication: str | None = None
    delay: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """The columns by SQS's key."""
        keys = {
            "Id": self.id, "MessageBody": self.body, "MessageGroupId": self.group,
            "MessageDeduplicationId": self.deduplication, "DelaySeconds": self.delay,
        }  # fmt: skip
        return {key: column for key, column in keys.items() if column is not None}

    @property
    def used(self) -> list[str]:
        """The columns that have to be there."""
        return [*self.named.values(), *self.attributes.values()]


def frame_entries(
    frame: "pl.DataFrame", columns: EntryColumns, *, first_row: int = 0
) -> Iterator[list[dict[str, Any]]]:
    """The entries in parts of a thousand. Raises InvalidEntries before the first, if any row is not one.

    A body is a JSON object of all columns: decimals and times are strings, bytes base64, NaN is null. An
    attribute is a Number, Binary or String by the type of its column. Rows are numbered from `first_row` on.
    """
    import polars as pl

    _refuse(frame, columns)
    text = [pl.col(column).cast(pl.String).alias(key) for key, column in columns.named.items()]
    attributes = _attributes(frame.schema, columns)
    number = [] if columns.id else [pl.col("").cast(pl.String).alias("Id")]
    for start in range(0, frame.height, PART_ROWS):
        part = frame.slice(start, PART_ROWS)
        body = [] if columns.body else [_json(part).alias("MessageBody")]
        numbered = part.with_row_index("", first_row + start) if number else part
        rows = numbered.select(*number, *text, *body, *attributes)
        if columns.delay:
            rows = rows.with_columns(pl.col("DelaySeconds").cast(pl.Int64))
        yield rows.to_dicts()


def failed_frame(failed: Sequence[FailedEntry], columns: EntryColumns) -> "pl.DataFrame":
    """The failed entries with their errors, a row for each; `to_dicts()` of it can be sent again."""
    import polars as pl

    value = {"DataType": pl.String, "StringValue": pl.String, "BinaryValue": pl.Binary}
    error = {"Code": pl.String, "Message": pl.String, "SenderFault": pl.Boolean, "Trials": pl.Int64}
    schema: dict[str, Any] = {
        "Id": pl.String, "MessageBody": pl.String, "MessageGroupId": pl.String,
        "MessageDeduplicationId": pl.String, "DelaySeconds": pl.Int64,
    }  # fmt: skip
    if columns.attributes:
        schema["MessageAttributes"] = pl.Struct({name: pl.Struct(value) for name in columns.attributes})
    schema["Error"] = pl.Struct(error)
    return pl.DataFrame([{key: one.get(key) for key in schema} for one in failed], schema=schema)


def _attributes(schema: "pl.Schema", columns: EntryColumns) -> "list[pl.Expr]":
    """The column `MessageAttributes`, if there are any: a struct with a field for each attribute."""
    import polars as pl

    if not columns.attributes:
        return []
    values = [_attribute(schema[column], column).alias(name) for name, column in columns.attributes.items()]
    return [pl.struct(values).alias("MessageAttributes")]


def _attribute(dtype: "pl.DataType", column: str) -> "pl.Expr":
    import polars as pl

    value = pl.col(column)
    if dtype == pl.Binary:
        parts = [pl.lit("Binary").alias("DataType"), value.alias("BinaryValue")]
    else:
        kind = "Number" if dtype.is_numeric() else "String"
        parts = [pl.lit(kind).alias("DataType"), value.cast(pl.String).alias("StringValue")]
    return pl.when(value.is_not_null()).then(pl.struct(parts))


def _refuse(frame: "pl.DataFrame", columns: EntryColumns) -> None:
    missing = [column for column in columns.used if column not in frame.columns]
    if missing:
        raise InvalidEntries([f"the frame has no column {one!r}" for one in missing])
    problems = [
        f"column {column!r} has no value in row {frame[column].is_null().arg_max()}"
        for column in (columns.id, columns.body)
        if column is not None and frame[column].null_count()
    ]
    if columns.id is not None:
        ids = frame[columns.id]
        problems += [
            f"column {columns.id!r} has {str(one)!r} more than once"
            for one in ids.filter(ids.is_duplicated()).head(1)
        ]
    problems += [
        fault for column in columns.attributes.values() if (fault := _attribute_fault(frame[column]))
    ]
    if problems:
        raise InvalidEntries(problems)


def _attribute_fault(column: "pl.Series") -> str | None:
    """Why not every value of the column can be a message attribute."""
    import polars as pl

    dtype = column.dtype
    others = {pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Binary, pl.Null}
    if not (dtype.is_numeric() or dtype in others):
        return (
            f"column {column.name!r} has the type {dtype}; an attribute is a text, a number or bytes: cast it"
        )
    if dtype.is_float() and not column.is_finite().all():
        row = column.is_finite().not_().arg_max() or 0
        return f"column {column.name!r} has {column[row]} in row {row}, which is not a Number of SQS"
    return None


def _json(part: "pl.DataFrame") -> "pl.Series":
    import polars as pl
    import polars.selectors as cs

    # Polars cannot write bytes as JSON.
    readable = part.with_columns(cs.binary().bin.encode("base64"))
    nested = [name for name, dtype in readable.schema.items() if dtype.is_nested() and "Binary" in str(dtype)]
    if nested:
        raise InvalidEntries([f"column {one!r} has bytes within lists or structs" for one in nested])
    return readable.select(pl.struct(pl.all()).struct.json_encode()).to_series()
