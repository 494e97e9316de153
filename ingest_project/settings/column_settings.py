"""How one column of a table is made from the fields of its files: `columns` of ingest.yaml."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from ingest_project.settings.strict import Strict
from ingest_project.settings.type_grammar import parse_column_type

Constant = str | bool | int | float


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _in_one_spelling(type_name: str | None) -> str | None:
    """The type as the grammar writes it: `decimal(12,2)` for `decimal (12, 2)`.

    An invalid type is left as it is: `column_rules` reports it.
    """
    try:
        return None if type_name is None else str(parse_column_type(type_name))
    except ValueError:
        return type_name


class ColumnSettings(Strict):
    """A column's type, and where its values come from. Its short form is the type alone: `amount: long`.

    `from` is the field of the file, by default the column's name: a field of exactly this name, else a path
    of names joined by dots into nested fields (in JSON and Avro, names may be blank). `from_key` is a regular
    expression searched in the object's key; its one group, or its group `value`, is the value. `format` says
    how a date or time is written; if there are several, they are tried in turn. `sql` is a Polars SQL
    expression of the other columns, after their casts. `default` replaces null and a missing field.
    `description` is for the table and the web UI. A row without a value in a `required` column is a bad row.
    A column to `drop` may be used by expressions and is not written; without a type, its field is not read at
    all.
    """

    type: Annotated[str | None, AfterValidator(_in_one_spelling)] = None
    from_: Annotated[str | None, Field(alias="from")] = None
    from_key: str | None = None
    sql: Annotated[str | None, Field(min_length=1)] = None
    format: Annotated[list[str] | None, BeforeValidator(_one_or_several), Field(min_length=1)] = None
    timezone: str | None = None
    default: Constant | None = None
    description: Annotated[str | None, Field(min_length=1)] = None
    required: bool = False
    drop: bool = False

    @model_validator(mode="after")
    def _a_type_unless_it_is_ignored(self) -> Self:
        if self.type is None and not (self.drop and self.sql is None and self.from_key is None):
            raise ValueError("a column needs a type; add one, like type: string")
        return self

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.sql is not None and (self.from_ is not None or self.format is not None):
            raise ValueError(
                "`sql` computes the column, so it cannot have `from` or `format`; remove one of them"
            )
        if self.from_key is not None and (self.from_ is not None or self.sql is not None):
            raise ValueError(
                "`from_key` reads the column, so it cannot have `from` or `sql`; remove one of them"
            )
        return self

    @field_validator("from_key")
    @classmethod
    def _has_one_value(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}; correct it") from error
        if compiled.groups != 1 and "value" not in compiled.groupindex:
            raise ValueError("needs one group, or a group `value`, like region=([^/]+)/")
        return pattern

    @property
    def is_ignored(self) -> bool:
        """Whether the field of this name is ignored."""
        return self.type is None


def short_form(value: Any) -> Any:
    """`long` for `{type: long}`."""
    if isinstance(value, dict | ColumnSettings):
        return value
    if isinstance(value, str):
        return {"type": value}
    raise PydanticKnownError("string_type")


Column = Annotated[ColumnSettings, BeforeValidator(short_form)]
