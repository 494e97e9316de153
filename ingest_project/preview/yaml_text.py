"""Writes words of strangers into YAML, so that they read back as they are and are nothing else."""

import re

import yaml

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
LONGEST_KEY = 500
"""YAML takes keys of 1,024 characters, escapes included, without a `?` in front."""


def key(text: str) -> str:
    """The text as a key of a mapping. Keys are not filled from the environment."""
    return text if _is_plain(text) else _quoted(text)


def value(text: str) -> str:
    """The text as a value, a `${` in it escaped as the settings want it."""
    return key(text.replace("${", "$${"))


def can_be_key(text: str) -> bool:
    """Whether it is short enough, and text at all: half of a surrogate pair is none."""
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
