"""The judge of types refuses what a database's driver may give, and says where it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from ingest_project.ledger.model import BatchState
from ingest_project_tests.typed_results import Seen, WrongType, assert_typed, fields_within

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a query gives."""

    rows: int
    at: datetime | None = None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (Decimal(1), int),
        (True, int),
        (1, float),
        (None, int),
        ("planned", BatchState),
        (BatchState.PLANNED, str),
        (NOON.replace(tzinfo=None), datetime),
        (NOON.replace(tzinfo=timezone(timedelta(hours=1))), datetime),
        (Decimal(1), int | None),
        ({"a": Decimal(1)}, dict[str, int]),
        ({1: 1}, Mapping[str, int]),
        ([Counted(Decimal(1))], list[Counted]),  # type: ignore[arg-type]
        ((Counted(1, NOON.replace(tzinfo=None)),), tuple[Counted, ...]),
        ((1, "a"), tuple[str, int]),
        ([1], tuple[int, ...]),
    ],
)
def test_what_is_not_exactly_of_its_type_is_refused(value: object, wanted: Any) -> None:
    with pytest.raises(WrongType):
        assert_typed(value, wanted, "it")


def test_fields_are_seen_once_they_hold_something() -> None:
    seen: Seen = {}

    assert_typed({"a": (Counted(0),)}, Mapping[str, tuple[Counted, ...] | None], "it", seen)

    assert seen == {"Counted.rows": False, "Counted.at": False}
    assert set(fields_within(dict[str, Counted | None])) == set(seen)
    assert_typed(Counted(1, NOON), Counted, "it", seen)
    assert seen == {"Counted.rows": True, "Counted.at": True}
