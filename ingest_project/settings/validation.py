"""Translates Pydantic's errors about ingest.yaml for its author.

Pydantic says "Input should be a valid dictionary or instance of TableSettings"; the author of YAML needs the
key, what belongs there and what to do. Values are not repeated: they may come from the environment and be
secret.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ingest_project.settings.document import Fault, KeyPath

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "keys and values"),
    (type(None), "nothing"),
)
_LIMITS = {
    "greater_than_equal": "must be at least {ge}; raise it",
    "less_than_equal": "must be at most {le}; lower it",
    "too_short": "must not be empty; add at least {min_length}",
    "string_too_short": "must have at least {min_length} characters; correct it",
    "string_too_long": "must have at most {max_length} characters; shorten it",
}

ModelT = TypeVar("ModelT", bound=BaseModel)


def validated(model: type[ModelT], values: Any) -> tuple[ModelT | None, list[Fault]]:
    """The model of these values, or None and all faults in them."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        return None, [_fault(detail, model) for detail in error.errors(include_url=False)]


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: what was probably meant, else all known words."""
    words = list(known)
    if close := get_close_matches(word, words, n=1):
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(words)}"


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    path = detail["loc"]
    kind = detail["type"]
    # Settings.base_dir is a field of the model, but not a key of the file.
    if kind == "extra_forbidden" or path == ("base_dir",):
        text = f"unknown key; {suggestion(str(path[-1]), _known_keys(model, path[:-1]))}"
    else:
        text = _text(kind, detail["input"], detail.get("ctx", {}), detail["msg"])
    return Fault(path, text)


def _text(kind: str, value: Any, context: Mapping[str, Any], message: str) -> str:
    if kind == "missing":
        return "is missing; add it"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _choice_text(value, context["expected"])
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context)
    return (
        _type_text(kind, value)
        or f"{message[:1].lower()}{message[1:]}; see the settings reference in README.md"
    )


def _choice_text(value: Any, expected: str) -> str:
    choices = expected.replace("'", "")
    close = get_close_matches(str(value), choices.replace(" or ", ", ").split(", "), n=1)
    return f"must be {choices}; " + (f"did you mean {close[0]}?" if close else "choose one of them")


def _type_text(kind: str, value: Any) -> str | None:
    found = next((name for types, name in _KINDS if isinstance(value, types)), "something else")
    quoted = isinstance(value, str)
    match kind:
        case "string_type":
            return f"text is expected, not {found}; {_text_remedy(value)}"
        case "int_type":
            remedy = "write digits, without quotes" if quoted else "correct it"
            return f"a whole number is expected, not {found}; {remedy}"
        case "bool_type":
            return f"true or false is expected, not {found}; write true or false, without quotes"
        case "list_type":
            return f"a list is expected, not {found}; write [...], or one `- ` line for each entry"
        case "dict_type" | "model_type":
            return f"keys and values are expected, not {found}; write one `key: value` line for each"
    return None


def _text_remedy(value: Any) -> str:
    if value is None:
        return "write a value, and within {...} put a value with a comma in quotes"
    return "put it in quotes" if isinstance(value, bool | int | float) else "write one value"


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that are allowed at this path, in the order of the model."""
    for step in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if step in fields:  # else it is a position in a list, or the name of a column
            model = next(_models_in(fields[step].annotation))
    return [field.alias or name for name, field in model.model_fields.items() if not field.exclude]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
