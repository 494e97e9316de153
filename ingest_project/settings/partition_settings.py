"""The Dagster partitions of a table's asset: `partition` of ingest.yaml."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ingest_project.settings.names import PartitionValue
from ingest_project.settings.partition_windows import PartitionEvery, window_key, window_start
from ingest_project.settings.strict import Strict


class PartitionSettings(Strict):
    """The Dagster partitions of a table's asset, and how an object's partition is found.

    The partition is read from the key by `pattern`, a regular expression searched for anywhere in the key:
    from its group `partition` or, with `every`, from its groups year, month, day and hour. It is the time
    (UTC) at which S3 finished the write with `from: event_time`. `default` is the partition of objects
    whose key has `__HIVE_DEFAULT_PARTITION__`, which means null, in place of the partition.
    """

    every: PartitionEvery | None = None
    values: Annotated[list[PartitionValue], Field(min_length=1)] | None = None
    dynamic: bool = False
    start: str | None = None
    from_: Annotated[Literal["key", "event_time"], Field(alias="from")] = "key"
    pattern: str | None = None
    default: PartitionValue | None = None

    @property
    def start_time(self) -> datetime:
        """The start of the first partition, a naive UTC time; only for `every`."""
        return datetime.fromisoformat(self.start or "").replace(tzinfo=None)

    @property
    def default_time(self) -> datetime:
        """A naive UTC time in the partition that `default` names; only for `every` with a `default`."""
        return datetime.fromisoformat(self.default or "").replace(tzinfo=None)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.every is not None, self.values is not None, self.dynamic]
        if sum(kinds) != 1:
            raise ValueError("give exactly one of `every`, `values` and `dynamic: true`")
        if self.every is not None:
            _check_start(self.start)
        elif self.start is not None:
            raise ValueError("`start` goes with `every` only; remove it")
        return self

    @model_validator(mode="after")
    def _source(self) -> Self:
        if self.from_ == "event_time":
            if self.every is None:
                raise ValueError("`from: event_time` goes with `every` only; use `from: key` with a pattern")
            if self.pattern is not None:
                raise ValueError("`pattern` goes with `from: key` only; remove it")
            if self.default is not None:
                raise ValueError("`default` goes with `from: key` only; remove it")
            return self
        if self.pattern is None:
            raise ValueError(
                "`from: key` needs `pattern`, a regular expression with a group (?P<partition>...)"
            )
        _check_pattern(self.pattern, self.every)
        return self

    @model_validator(mode="after")
    def _default_is_a_partition(self) -> Self:
        if self.default is None or self.dynamic:
            return self
        if self.values is not None:
            if self.default not in self.values:
                raise ValueError("`default` is not one of `values`; add it there")
        elif self.every is not None:
            _check_time("default", self.default)
            start = window_start(self.every, self.default_time)
            if start < self.start_time:
                found = window_key(self.every, start)
                raise ValueError(f"`default` is partition {found}, which is before `start`; name a later one")
        return self


_GROUPS: dict[PartitionEvery, tuple[str, ...]] = {
    "hour": ("year", "month", "day", "hour"),
    "day": ("year", "month", "day"),
    "week": ("year", "month", "day"),
    "month": ("year", "month"),
}


def _check_pattern(pattern: str, every: PartitionEvery | None) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"`pattern` is not a regular expression: {error}; correct it") from error
    if "partition" in groups:
        return
    if every is None:
        raise ValueError("`pattern` does not name a partition; add a group (?P<partition>...)")
    missing = [name for name in _GROUPS[every] if name not in groups]
    if missing:
        remedy = f"add a group (?P<partition>...), or the groups {', '.join(missing)}"
        raise ValueError(f"`pattern` does not name the {every}; {remedy}")


def _check_start(start: str | None) -> None:
    if start is None:
        raise ValueError('`every` needs `start`, the first partition; add for example start: "2026-01-01"')
    _check_time("start", start)


def _check_time(key: str, text: str) -> None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"`{key}` is not an ISO date; write it like 2026-01-01") from error
    if time.utcoffset() not in {None, timedelta(0)}:
        raise ValueError(
            f"`{key}` has an offset, and partitions are in UTC; write it in UTC, like 2026-01-01T00:00"
        )
