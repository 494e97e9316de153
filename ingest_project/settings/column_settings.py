"""How one column of a table comes from the fields of its files: `columns` of ingest.yaml."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from ingest_project.settings.strict import Strict

Constant = str | bool | int | float


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ColumnSettings(Strict):
    """A column's type, and where its values come from. A type alone may stand for all of it: `amount: long`.

    `from` is the field of the file, by default that of the column's name: a field of exactly this name, else a path of
    names joined by dots into nested fields; JSON has fields with blank names too. `format` says how a date or time is written; several are tried in turn.
    `sql` is a Polars SQL expression of the other columns, after their casts. `default` stands for null and for a
    missing field. Without a value in a `required` column a row is a bad row. A column to `drop` may be used by
    expressions and is not written; without a type, its field is not even read.
    """

    type: str | None = None
    from_: Annotated[str | None, Field(alias="from")] = None
    sql: Annotated[str | None, Field(min_length=1)] = None
    format: Annotated[list[str] | None, BeforeValidator(_one_or_several), Field(min_length=1)] = None
    timezone: str | None = None
    default: Constant | None = None
    required: bool = False
    drop: bool = False

    @model_validator(mode="after")
    def _a_type_unless_it_is_ignored(self) -> Self:
        if self.type is None and not (self.drop and self.sql is None):
            raise ValueError("a column needs a type; add one, like type: string")
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.sql is not None and (self.from_ is not None or self.format is not None):
            raise ValueError(
                "`sql` computes the column, so it has no `from` and no `format`; remove one of them"
            )
        return self

    @property
    def is_ignored(self) -> bool:
        """Whether the field of this name is to be passed over."""
        return self.type is None


def short_form(value: Any) -> Any:
    """`long` for `{type: long}`."""
    if isinstance(value, dict | ColumnSettings):
        return value
    if isinstance(value, str):
        return {"type": value}
    raise PydanticKnownError("string_type")


Column = Annotated[ColumnSettings, BeforeValidator(short_form)]
