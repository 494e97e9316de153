"""Reads the statements of a resource's policy: whom they allow, and under which conditions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html. This is not a simulation:
deny statements are ignored, and conditions on the caller's session are assumed to hold.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_RESTRICTING = frozenset({
    "aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalarn",
    "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths", "aws:userid", "aws:sourcevpc",
    "aws:sourcevpce", "aws:sourceip", "kms:calleraccount", "aws:sourceowner",
})  # fmt: skip
"""Condition keys that distinguish one caller from another."""
_POSITIVE = frozenset(
    {"stringequals", "stringlike", "arnequals", "arnlike", "ipaddress", "stringequalsignorecase"}
)
_OF_THE_SOURCE = frozenset(
    {"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner"}
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement that allows something. `name` is its Sid, or its place from 1 on."""

    name: str
    actions: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, key and values of each; operator and key in lower case."""

    @property
    def is_for_everyone(self) -> bool:
        return "*" in self.principals

    @property
    def services(self) -> tuple[str, ...]:
        """The services that it allows, like `s3.amazonaws.com`."""
        return tuple(one for one in self.principals if one.endswith((".amazonaws.com", ".amazonaws.com.cn")))

    @property
    def is_restricted(self) -> bool:
        """Whether a condition restricts the callers; for a service, the account that the service acts for."""
        keys = _RESTRICTING if self.is_for_everyone else _OF_THE_SOURCE
        return any(key in keys and _restricts(operator, values) for operator, key, values in self.conditions)

    def allows(self, action: str) -> bool:
        """Whether it allows this action, such as `sqs:SendMessage`."""
        return any(fnmatchcase(action.lower(), one.lower()) for one in self.actions)

    def takes_source(self, arn: str) -> bool:
        """Whether its conditions on the source, if there are any, hold for this ARN."""
        asked = [
            values
            for operator, key, values in self.conditions
            if key == "aws:sourcearn" and operator in _POSITIVE
        ]
        return all(any(fnmatchcase(arn, value) for value in values) for values in asked)


def allowing_statements(policy: str) -> list[Statement]:
    """The statements of a policy's JSON that allow something; none for an empty text. Raises ValueError."""
    try:
        listed = _listed(json.loads(policy or "{}").get("Statement"))
        return [_statement(one, place) for place, one in enumerate(listed, 1) if one["Effect"] == "Allow"]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("this is not a policy") from error


def _statement(statement: Mapping[str, Any], place: int) -> Statement:
    actions = _listed(statement["Action"]) if "Action" in statement else ["*"]  # else it has NotAction
    return Statement(
        name=str(statement.get("Sid") or place),
        actions=tuple(map(str, actions)),
        principals=tuple(_principals(statement)),
        conditions=tuple(_conditions(statement.get("Condition"))),
    )


def _principals(statement: Mapping[str, Any]) -> Iterator[str]:
    if "NotPrincipal" in statement:
        yield "*"
    named = statement.get("Principal", ())
    for one in named.values() if isinstance(named, dict) else [named]:
        yield from map(str, _listed(one))


def _conditions(conditions: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for operator, keys in (conditions or {}).items():
        for key, values in keys.items():
            yield operator.lower(), key.lower(), tuple(map(str, _listed(values)))


def _restricts(operator: str, values: Sequence[str]) -> bool:
    """Negations and `...IfExists` hold without the key; a value of asterisks holds for everyone."""
    return operator.removeprefix("foranyvalue:") in _POSITIVE and not any(_is_any(value) for value in values)


def _is_any(value: str) -> bool:
    named = value.split(":", 5)[-1] if value.startswith("arn:") else value
    return not named.strip("*") or value in {"0.0.0.0/0", "::/0"}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
