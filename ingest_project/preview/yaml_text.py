"""Writes names and values of unknown files into YAML, so that they are read back unchanged."""

import re

import yaml

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
LONGEST_KEY = 500
"""YAML allows keys of 1,024 characters, escapes included, without a leading `?`."""


def key(text: str) -> str:
    """The text as a key of a mapping. Keys are not filled from the environment."""
    return text if _is_plain(text) else _quoted(text)


def value(text: str) -> str:
    """The text as a value, with `${` escaped as the settings require."""
    return key(text.replace("${", "$${"))


def flow(text: str) -> str:
    """The text as a value within brackets: in quotes, unless it is one plain word."""
    return text if text.isidentifier() and value(text) == text else always_quoted(text)


def always_quoted(text: str) -> str:
    """The text as a value that is always in quotes."""
    quoted = value(text)
    return quoted if quoted.startswith('"') else f'"{quoted}"'


def can_be_key(text: str) -> bool:
    """Whether it is short enough, and valid text: half of a surrogate pair is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return len(_quoted(text)) <= LONGEST_KEY


def _is_plain(text: str) -> bool:
    return bool(PLAIN.fullmatch(text)) and yaml.safe_load(text) == text


def _quoted(text: str) -> str:
    return '"' + "".join(CONTROL.get(character) or _visible(character) for character in text) + '"'


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
