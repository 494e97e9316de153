"""Hides secrets in text for people: reports of `ingest check`, errors, Dagster's metadata.

A URL may have a password, and libraries quote URLs: boto3, database drivers, PyIceberg. So all text is
cleared before people see it, whoever wrote it.

The text may be long, and chosen to make the patterns slow: it is cut first, and each pattern looks at a
character a fixed number of times.
"""

import re

HIDDEN = "***"
MAX_CHARACTERS = 10_000
"""Enough for people; a library may quote a whole answer."""
SECRET_WORDS = (
    "secret", "token", "password", "passwd", "credential", "access-key", "account-key", "api-key",
    "authorization", "connection-string",
)  # fmt: skip
"""Parts of the names of settings whose values are secrets, in lower case."""

_SAS = re.compile(r"(?<![a-z])sas(?![a-z])", re.IGNORECASE)  # Azure's SAS token; not as a part of a word

# The part of a word that may have a user and a password. Without an @ after them, the patterns below would
# search from each possible start to the end.
_WITH_USERS = re.compile(r"(?<!\S)\S*@")
# Up to the last @ before the path; SQLAlchemy also accepts a password with a slash, which a port cannot have.
_PASSWORD = re.compile(r"(?P<before>://[^\s:/?#@]*:)(?:[^\s/?#]*|(?!\d+(?:[/?#\s]|$))[^\s@]*)@", re.MULTILINE)
# Only HTTP's schemes have a path after a port and then an @: in others, digits and a slash begin a password,
# too.
_OF_DATABASE = re.compile(r"(?P<before>(?<!http)(?<!https)://[^\s:/?#@]*:)[^\s@]*@", re.IGNORECASE)
_TOKEN = re.compile(r"(?P<before>https?://)[^\s:/?#@]+@", re.IGNORECASE)
_WORDS = "|".join(word.replace("-", "[-_]?") for word in (*SECRET_WORDS, "signature"))
# The name is matched once, possessively: backtracking would take minutes for a long text.
_NAME = rf"(?=sig[\s=]|[\w.-]*?(?:{_WORDS}|{_SAS.pattern}))[\w.-]++"
_PARAMETER = re.compile(rf"(?P<before>(?:^|(?<=[?&\s])){_NAME}=)[^\s&#'\",;]+", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(
    rf"(?P<before>(?:^|(?<=\s)){_NAME}\s*=\s*)'(?:[^'\\]|\\.)++(?:'|\Z)", re.IGNORECASE | re.MULTILINE
)
"""For values with spaces in PostgreSQL's connection strings; the text may have been cut within one."""


def names_a_secret(name: str) -> bool:
    """Whether the value of a setting of this name is a secret."""
    return any(word in name.lower() for word in SECRET_WORDS) or _SAS.search(name) is not None


def without_secrets(text: str) -> str:
    """The text with `***` for passwords in URLs and for parameters that are named like a secret.

    Users, hosts and paths stay: `https://ann:***@sqs.example/queue?token=***`. In an HTTP URL, a user without
    a password counts as a token. Idempotent. A text of more than `MAX_CHARACTERS` is cut.
    """
    text = _WITH_USERS.sub(lambda word: _without_passwords(word[0]), _cut(text))
    text = _QUOTED.sub(rf"\g<before>{HIDDEN}", text)
    return _PARAMETER.sub(rf"\g<before>{HIDDEN}", text)


def _without_passwords(word: str) -> str:
    word = _PASSWORD.sub(rf"\g<before>{HIDDEN}@", word)
    word = _OF_DATABASE.sub(rf"\g<before>{HIDDEN}@", word)
    return _TOKEN.sub(rf"\g<before>{HIDDEN}@", word)


def _cut(text: str) -> str:
    """The text, or its start up to a blank: half a word could be a part of a password."""
    if len(text) <= MAX_CHARACTERS:
        return text
    *_, last_word = re.split(r"\s", text[:MAX_CHARACTERS])
    return f"{text[: MAX_CHARACTERS - len(last_word)]}... ({len(text):,} characters)"
