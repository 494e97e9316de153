"""Environment variables inside ingest.yaml: `${VAR}` and `${VAR:-default}`."""

import re
from collections.abc import Mapping

# A default may hold `$` but no further `${`: nesting is refused instead of half understood.
_REFERENCE = re.compile(
    r"(?P<literal>\$\$\{)"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>(?:[^}$]|\$(?!\{))*))?\}"
    r"|(?P<malformed>\$\{)"
)


def filled(text: str, environ: Mapping[str, str]) -> str:
    """The text with every reference replaced by the environment's value; `$${` gives a literal `${`.

    As in a shell, `${VAR:-default}` takes the default when VAR is unset or empty, and `${VAR}` accepts an empty
    value. What comes from the environment is not searched for references again.

    Raises ValueError, whose message names the remedy, for the first reference that cannot be filled or read.
    """

    def value_of(reference: re.Match[str]) -> str:
        if reference["literal"]:
            return "${"
        if reference["malformed"]:
            raise ValueError(
                "a `${` that is neither ${VAR} nor ${VAR:-default}; mend it, or write $${ for a literal ${"
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
