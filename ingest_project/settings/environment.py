"""Fills environment variables in ingest.yaml: `${VAR}` and `${VAR:-default}`."""

import re
from collections.abc import Mapping

# A default may have `$` but not another `${`: nesting is refused.
_REFERENCE = re.compile(
    r"(?P<literal>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:[^}$]|\$(?!\{))*))?\}"
    r"|(?P<malformed>\$\{)"
)


def filled(text: str, environ: Mapping[str, str]) -> str:
    """The text with every reference replaced by the environment's value; `$${` gives a literal `${`.

    As in a shell, `${VAR:-default}` is the default if VAR is unset or empty, and `${VAR}` accepts an empty
    value. Values from the environment are not searched for references.

    Raises ValueError, with the remedy, for the first reference that cannot be filled or parsed.
    """

    def value_of(reference: re.Match[str]) -> str:
        if reference["literal"]:
            return "${"
        if reference["malformed"]:
            raise ValueError(
                "a `${` that is neither ${VAR} nor ${VAR:-default}; correct it, or write $${ for a literal ${"
            )
        return _lookup(reference["name"], reference["default"], environ)

    return _REFERENCE.sub(value_of, text)


def _lookup(name: str, default: str | None, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if default is not None:
        return value or default
    if value is None:
        raise ValueError(
            f"the environment variable {name} is not set; set it, or give a default: ${{{name}:-...}}"
        )
    return value
