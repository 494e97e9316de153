import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.settings.environment import filled


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${HOST}", "db.example"),
        ("postgresql://${USER}@${HOST}/x", "postgresql://ada@db.example/x"),
        ("${MISSING:-fallback}", "fallback"),
        ("${MISSING:-}", ""),
        ("${HOST:-fallback}", "db.example"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${EMPTY}", ""),
        ("${MISSING:-a:-b$c}", "a:-b$c"),
        ("$${HOST}", "${HOST}"),
        ("$HOST costs $5", "$HOST costs $5"),
    ],
)
def test_references_are_filled_as_a_shell_would(text: str, expected: str) -> None:
    environ = {"HOST": "db.example", "USER": "ada", "EMPTY": ""}

    assert filled(text, environ) == expected


def test_a_value_from_the_environment_is_not_searched_for_references() -> None:
    assert filled("${A}", {"A": "${B}", "B": "secret"}) == "${B}"


def test_a_missing_variable_is_an_error_that_names_it_and_the_default_to_give() -> None:
    with pytest.raises(ValueError, match=r"LANDING_QUEUE_URL is not set; .*\$\{LANDING_QUEUE_URL:-\.\.\.\}"):
        filled("${LANDING_QUEUE_URL}", {})


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A:-${B}}", "${A-b}"])
def test_what_looks_like_a_reference_but_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \$\$\{ for a literal"):
        filled(text, {"A": "a", "B": "b"})


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_references_stays_as_it_is(text: str) -> None:
    assert filled(text, {}) == text
