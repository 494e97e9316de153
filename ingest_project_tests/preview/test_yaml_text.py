"""Whatever strangers call their columns, it reads back as it is and is nothing else."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.preview import yaml_text
from ingest_project.settings.document import read_document

HOSTILE = ["a: b", "- x", "#", "no", "null", "1", "1e3", "'", '"', "\n", "\x1b[2J", "${HOME}", "$${x", "*a",
    "&a", "!t",
           "\u2028", "\ud7ff\ufeff", "{", "[", "? x", "|", "%", "@", "`", "<<", "=", "~", "2026-11-20", " x ",
           ""]  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(texts)
def test_value_reads_back_as_it_is_whatever_the_environment(text: str) -> None:
    document = read_document(f"a:\n  b: {yaml_text.value(text)}\n", {"HOME": "/root", "x": "y"})

    assert document.values == {"a": {"b": text}}


@pytest.mark.parametrize("text", HOSTILE)
def test_what_yaml_takes_for_something_else_reads_back_as_it_is(text: str) -> None:
    line = f"{yaml_text.key(text)}: [{yaml_text.value(text)}]\n"

    assert read_document(line, {}).values == {text: [text]}


@given(texts)
def test_key_reads_back_as_it_is(text: str) -> None:
    document = read_document(f"{yaml_text.key(text)}: x\nother: y\n", {})

    assert document.values == {text: "x", "other": "y"} or text == "other"


def test_plain_words_stay_plain() -> None:
    assert [yaml_text.key(word) for word in ("order_id", "raw/orders/", "no", "yes", "on")] == [
        "order_id", "raw/orders/", '"no"', '"yes"', '"on"',
    ]  # fmt: skip
    assert yaml.safe_load(f"{yaml_text.key('null')}: 1") == {"null": 1}


def test_text_that_is_invalid_or_too_long_cannot_be_a_key() -> None:
    assert not yaml_text.can_be_key("\ud800")
    assert not yaml_text.can_be_key("x" * 2000)
    assert yaml_text.can_be_key("a\nb")
