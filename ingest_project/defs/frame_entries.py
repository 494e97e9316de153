"""The rows of a Polars frame as entries for a queue, and failed entries as a frame that a user can store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_project.errors import InvalidEntries
from ingest_project.sources.sqs.send_result import FailedEntry

if TYPE_CHECKING:
    import polars as pl

PART_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """Which columns become what; None: the row's number is the Id, and the whole row as JSON the body."""

    id: str | None = None
    body: str | None = None
    group: str | None = None
    deduplication: str | None = None
    delay: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """The columns by SQS's key."""
        keys = {
            "Id": self.id, "MessageBody": self.body, "MessageGroupId": self.group,
            "MessageDeduplicationId": self.deduplication, "DelaySeconds": self.delay,
        }  # fmt: skip
        return {key: column for key, column in keys.items() if column is not None}


def frame_entries(frame: "pl.DataFrame", columns: EntryColumns) -> Iterator[list[dict[str, Any]]]:
    """The entries in parts of a thousand. Raises InvalidEntries before the first, if any row is not one.

    A body is a JSON object of all columns: decimals and times are strings, bytes base64, NaN is null.
    """
    import polars as pl

    _refuse(frame, columns)
    text = [pl.col(column).cast(pl.String).alias(key) for key, column in columns.named.items()]
    number = [] if columns.id else [pl.col("").cast(pl.String).alias("Id")]
    for start in range(0, frame.height, PART_ROWS):
        part = frame.slice(start, PART_ROWS)
        body = [] if columns.body else [_json(part).alias("MessageBody")]
        numbered = part.with_row_index("", start) if number else part
        rows = numbered.select(*number, *text, *body)
        if columns.delay:
            rows = rows.with_columns(pl.col("DelaySeconds").cast(pl.Int64))
        yield rows.to_dicts()


def failed_frame(failed: Sequence[FailedEntry]) -> "pl.DataFrame":
    """The failed entries with their errors, a row for each; `to_dicts()` of it can be sent again."""
    import polars as pl

    error = {"Code": pl.String, "Message": pl.String, "SenderFault": pl.Boolean, "Trials": pl.Int64}
    schema: dict[str, Any] = {
        "Id": pl.String, "MessageBody": pl.String, "MessageGroupId": pl.String,
        "MessageDeduplicationId": pl.String, "DelaySeconds": pl.Int64, "Error": pl.Struct(error),
    }  # fmt: skip
    return pl.DataFrame([{key: one.get(key) for key in schema} for one in failed], schema=schema)


def _refuse(frame: "pl.DataFrame", columns: EntryColumns) -> None:
    missing = [column for column in columns.named.values() if column not in frame.columns]
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
    if problems:
        raise InvalidEntries(problems)


def _json(part: "pl.DataFrame") -> "pl.Series":
    import polars as pl
    import polars.selectors as cs

    # Polars cannot write bytes as JSON.
    readable = part.with_columns(cs.binary().bin.encode("base64"))
    nested = [name for name, dtype in readable.schema.items() if dtype.is_nested() and "Binary" in str(dtype)]
    if nested:
        raise InvalidEntries([f"column {one!r} has bytes within lists or structs" for one in nested])
    return readable.select(pl.struct(pl.all()).struct.json_encode()).to_series()
