"""Defaults and expressions that can never give their column a value are told before any work begins."""

from typing import Any

import pytest

from ingest_project.errors import SettingsError
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings, TableSettings


def settings(**table: Any) -> Settings:
    values = {
        "name": "sales.orders",
        "queue": "landing",
        "bucket": "acme-landing",
        "format": "ndjson",
        **table,
    }
    return Settings(
        queues=[QueueSettings(name="landing", url="http://127.0.0.1:1/landing")],
        tables=[TableSettings.model_validate(values)],
    )


COLUMNS = {"price": "decimal(12,2)", "quantity": "int", "note": "string", "at": "timestamptz"}


@pytest.mark.parametrize(
    "column",
    [
        {"type": "decimal(14,2)", "sql": "price * quantity"},
        {"type": "string", "sql": "upper(note)"},
        {"type": "boolean", "sql": "quantity > 1"},
        {"type": "date", "sql": "cast(at as date)"},
        {"type": "timestamptz", "sql": "note"},
        {"type": "long", "default": 5},
        {"type": "decimal(4,2)", "default": 1.25},
        {"type": "timestamptz", "default": "2026-01-01T00:00:00Z"},
        {"type": "boolean", "default": False},
        {"type": "uuid", "default": "123e4567-e89b-12d3-a456-426614174000"},
    ],
)
def test_sound_expressions_and_defaults_are_taken(column: dict[str, Any]) -> None:
    Services(settings(columns={**COLUMNS, "x": column}))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"type": "long", "sql": "price / 3.5"}, "columns.x.sql: gives"),
        ({"type": "int", "sql": "upper(note)"}, None),
        ({"type": "long", "sql": "at"}, "columns.x.sql: gives Datetime"),
        ({"type": "string", "sql": "quantity + at"}, "columns.x.sql: "),
        ({"type": "int", "default": "many"}, "columns.x.default: is not a valid int"),
        ({"type": "int", "default": 2**40}, "columns.x.default: is not a valid int"),
        ({"type": "decimal(4,2)", "default": 1.255}, "columns.x.default"),
        ({"type": "date", "default": "yesterday"}, "columns.x.default"),
    ],
)
def test_what_can_never_be_of_the_column_s_type_is_refused(column: dict[str, Any], said: str | None) -> None:
    declared = settings(columns={**COLUMNS, "x": column})
    if said is None:  # a text may spell a number
        Services(declared)
        return
    with pytest.raises(SettingsError) as refused:
        Services(declared)
    assert f"table sales.orders: {said}" in str(refused.value)


@pytest.mark.parametrize(
    ("sql", "is_sound"), [("price > 0", True), ("price", False), ("note like 'a%' or note is null", True)]
)
def test_an_expectation_is_true_or_false(sql: str, is_sound: bool) -> None:
    declared = settings(columns=COLUMNS, expectations={"rule": sql})
    if is_sound:
        Services(declared)
    else:
        with pytest.raises(SettingsError, match="must be true or false"):
            Services(declared)
