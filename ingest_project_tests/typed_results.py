"""Compares returned values with their annotations, exactly: a Decimal is not an int, and a time has a zone.

A database's driver may return other types (PostgreSQL's sum of bigints is a Decimal), and a caller may refuse
them much later: Dagster did so after the commit.
"""

import functools
import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ingest_project.ledger.job_ledger import JobLedger
from ingest_project.ledger.ledger import Ledger

Seen = dict[str, bool]
"""Fields by `Class.field`, and whether one was seen with a value: not None, 0 or empty."""


class WrongType(AssertionError):
    """A value does not have the type of its annotation."""


class WatchedLedger(Ledger):
    """A ledger whose answers are compared with their annotations; `seen` and `called` record which.

    `seen_of_jobs` and `called_of_jobs` are those of `Ledger.jobs`.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.seen: Seen = {}
        self.called: set[str] = set()
        self.seen_of_jobs: Seen = {}
        self.called_of_jobs: set[str] = set()
        _watch(self, Ledger, self.seen, self.called)

    @property
    def jobs(self) -> JobLedger:
        watched = super().jobs
        _watch(watched, JobLedger, self.seen_of_jobs, self.called_of_jobs)
        return watched


def _watch(one: object, of: type, seen: Seen, called: set[str]) -> None:
    for name in public_methods(of):
        wanted = get_type_hints(getattr(of, name))["return"]
        setattr(one, name, _watched(name, getattr(one, name), wanted, seen, called))


def _watched(
    name: str, method: Callable[..., Any], wanted: Any, seen: Seen, called: set[str]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def watched(*arguments: Any, **keywords: Any) -> Any:
        answer = method(*arguments, **keywords)
        assert_typed(answer, wanted, name, seen)
        called.add(name)
        return answer

    return watched


def public_methods(of: type) -> set[str]:
    """The names of a class's public methods."""
    return {name for name, _ in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


def assert_typed(value: object, wanted: Any, where: str, seen: Seen | None = None) -> None:
    """Raises WrongType unless the value, and all values in it, have exactly the types of `wanted`."""
    seen = {} if seen is None else seen
    origin, arguments = get_origin(wanted), get_args(wanted)
    if wanted is Any or (wanted is None and value is None):
        return
    if origin in (Union, types.UnionType):
        _assert_one_of(value, arguments, where, seen)
    elif origin is Literal:
        _require(value in arguments, value, wanted, where)
    elif origin is not None:
        _assert_collection(value, origin, arguments, where, seen)
    elif isinstance(wanted, type) and is_dataclass(wanted):
        _require(type(value) is wanted, value, wanted, where)
        for name, hint in _hints(wanted).items():
            held = getattr(value, name)
            key = f"{wanted.__name__}.{name}"
            seen[key] = seen.get(key, False) or _holds_something(held)
            assert_typed(held, hint, f"{where}.{name}", seen)
    else:
        _require(type(value) is wanted, value, wanted, where)
        if isinstance(value, datetime):
            _require(value.utcoffset() == timedelta(0), value, "a time in UTC", where)


@functools.cache
def _hints(of: type) -> dict[str, Any]:
    return get_type_hints(of)


def _assert_one_of(value: object, choices: Collection[Any], where: str, seen: Seen) -> None:
    if value is None and types.NoneType in choices:
        return None
    faults = []
    for choice in (one for one in choices if one is not types.NoneType):
        try:
            return assert_typed(value, choice, where, seen)
        except WrongType as fault:
            faults.append(str(fault))
    raise WrongType("; ".join(faults) or f"{where} is None")


def _assert_collection(value: Any, origin: Any, arguments: tuple[Any, ...], where: str, seen: Seen) -> None:
    _require(isinstance(value, origin), value, origin, where)
    if isinstance(value, Mapping):
        for key, held in value.items():
            assert_typed(key, arguments[0], f"a key of {where}", seen)
            assert_typed(held, arguments[1], f"{where}[{key!r}]", seen)
    elif origin is tuple and arguments[-1] is not Ellipsis:
        for position, (held, wanted) in enumerate(zip(value, arguments, strict=True)):
            assert_typed(held, wanted, f"{where}[{position}]", seen)
    else:
        for held in value:
            assert_typed(held, arguments[0], f"one of {where}", seen)


def fields_within(wanted: Any) -> Iterator[str]:
    """Every `Class.field` that a value of this type may carry."""
    if is_dataclass(wanted) and isinstance(wanted, type):
        for name in (one.name for one in fields(wanted)):
            yield f"{wanted.__name__}.{name}"
        for hint in get_type_hints(wanted).values():
            yield from fields_within(hint)
    for argument in get_args(wanted):
        yield from fields_within(argument)


def _holds_something(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str | tuple | dict | frozenset):
        return value is not None
    return bool(value)


def _require(holds: bool, value: object, wanted: Any, where: str) -> None:
    if not holds:
        raise WrongType(f"{where} must be {wanted}, and is {value!r} of {type(value)}")
