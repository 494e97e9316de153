"""Takes secrets out of text that people will read: a report of `ingest check`, an error, Dagster's metadata.

A URL may hold a password, and whatever quotes the URL quotes it too: boto3, a database's driver, PyIceberg. So text is
cleared where it leaves for people, whoever wrote it.
"""

import re

HIDDEN = "***"
SECRET_WORDS = (
    "secret", "token", "password", "passwd", "credential", "access-key", "account-key", "api-key",
    "authorization", "connection-string",
)  # fmt: skip
"""What the name of a setting holds whose value is a secret, in small letters."""

_SAS = re.compile(r"(?<![a-z])sas(?![a-z])", re.IGNORECASE)  # Azure's; as a part of a word it is none

# Up to the last @ before the path; SQLAlchemy also takes a password that holds a slash, which no port does.
_PASSWORD = re.compile(r"(?P<before>://[^\s:/?#@]*:)(?:[^\s/?#]*|(?!\d+(?:[/?#\s]|$))[^\s@]*)@", re.MULTILINE)
# No scheme but HTTP's has a path behind a port and then an @: what begins with digits and a slash is a password as well.
_OF_DATABASE = re.compile(r"(?P<before>(?<!http)(?<!https)://[^\s:/?#@]*:)[^\s@]*@", re.IGNORECASE)
_TOKEN = re.compile(r"(?P<before>https?://)[^\s:/?#@]+@", re.IGNORECASE)
_WORDS = "|".join(word.replace("-", "[-_]?") for word in (*SECRET_WORDS, "signature"))
# The name is looked at once and taken whole: trying where it ends would take minutes for a long text.
_NAME = rf"(?=sig[\s=]|[\w.-]*?(?:{_WORDS}|{_SAS.pattern}))[\w.-]++"
_PARAMETER = re.compile(rf"(?P<before>(?:^|(?<=[?&\s])){_NAME}=)[^\s&#'\",;]+", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(
    rf"(?P<before>(?:^|(?<=\s)){_NAME}\s*=\s*)'(?:[^'\\]|\\.)+'", re.IGNORECASE | re.MULTILINE
)
"""As PostgreSQL's connection strings have values with spaces."""


def names_a_secret(name: str) -> bool:
    """Whether the value of a setting of this name is a secret."""
    return any(word in name.lower() for word in SECRET_WORDS) or _SAS.search(name) is not None


def without_secrets(text: str) -> str:
    """The text with `***` for each password, and for each parameter that is named like a secret, of the URLs in it.

    Users, hosts and paths stay: `https://ann:***@sqs.example/queue?token=***`. In a URL of HTTP a user without a
    password is taken for a token. What is clear already stays as it is.
    """
    text = _PASSWORD.sub(rf"\g<before>{HIDDEN}@", text)
    text = _OF_DATABASE.sub(rf"\g<before>{HIDDEN}@", text)
    text = _TOKEN.sub(rf"\g<before>{HIDDEN}@", text)
    text = _QUOTED.sub(rf"\g<before>{HIDDEN}", text)
    return _PARAMETER.sub(rf"\g<before>{HIDDEN}", text)
