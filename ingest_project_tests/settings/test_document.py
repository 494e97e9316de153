from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.settings.document import Document, Fault, read_document


def value_of(text: str, **environ: str) -> Any:
    document = read_document(f"key: {text}", environ)
    assert document.faults == ()
    return document.values["key"]


def faults_of(text: str) -> list[tuple[int, str]]:
    document = read_document(text, {})
    return [(document.line_of(fault), fault.text) for fault in document.faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${X}", False),
        ('"${X}"', "false"),
        ("${N}", 300),
        ("'${N}'", "300"),
        ("${MISSING:-4}", 4),
        ("${MISSING:-}", None),
        ("a${N}", "a300"),
        ("2026-01-01", "2026-01-01"),
        ("${DATE}", "2026-01-01"),
        ("2026-13-45", "2026-13-45"),
        ("1.5", 1.5),
        ("yes", True),
    ],
)
def test_a_plain_scalar_is_typed_after_the_environment_is_filled_in_and_dates_stay_text(
    text: str, expected: object
) -> None:
    value = value_of(text, X="false", N="300", DATE="2026-01-01")

    assert value == expected
    assert type(value) is type(expected)


def test_keys_stay_text_whatever_yaml_makes_of_them() -> None:
    document = read_document("columns: {no: date, 5: int, null: long, 2026-01-01: int}", {})

    assert list(document.values["columns"]) == ["no", "5", "null", "2026-01-01"]


def test_each_key_and_entry_knows_its_line() -> None:
    document = read_document("a: 1\nb:\n  - x\n  -\n    c: 2\n", {})

    assert document.line_of(Fault(("a",), "")) == 1
    assert document.line_of(Fault(("b",), "")) == 2
    assert document.line_of(Fault(("b", 0), "")) == 3
    assert document.line_of(Fault(("b", 1, "c"), "")) == 5


def test_a_key_that_the_file_lacks_has_the_line_of_the_nearest_key_above_it() -> None:
    document = read_document("a: 1\nb:\n  c: 2\n", {})

    assert document.line_of(Fault(("b", "missing", "deeper"), "")) == 2


def test_a_key_given_twice_is_refused_and_both_lines_are_named() -> None:
    assert faults_of("a: 1\nb: 2\na: 3\n") == [(3, "given twice, first in line 1; remove one")]


def test_merged_keys_are_defaults_that_the_mappings_own_keys_replace() -> None:
    document = read_document("one: &one {a: 1, b: 1}\ntwo:\n  b: 2\n  <<: *one\n", {})

    assert document.values["two"] == {"a": 1, "b": 2}
    assert document.line_of(Fault(("two", "b"), "")) == 3
    assert document.faults == ()


def test_the_first_of_several_merged_mappings_wins() -> None:
    document = read_document("- &a {k: 1}\n- &b {k: 2, l: 2}\n- {<<: [*a, *b]}\n", {})

    assert document.values[2] == {"k": 1, "l": 2}


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: &a {<<: *a}"])
def test_an_alias_that_contains_itself_is_refused(text: str) -> None:
    assert [fault for _, fault in faults_of(text)] == ["an alias that contains itself; remove it"]


@pytest.mark.parametrize(
    "text",
    [
        'a: !!python/object/apply:os.system ["true"]',
        "a: !!python/name:os.system",
        "a: !!set {x}",
        "a: !!binary eA==",
        "a: =",
    ],
)
def test_tags_beyond_plain_values_are_refused_and_never_constructed(text: str) -> None:
    ((line, fault),) = faults_of(text)

    assert line == 1
    assert fault.startswith("YAML tags have no meaning here")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c", 1),
        ("a: 1\nb: [1\nc: 2", 3),
        ("a: ${X}\n\tb: 1", 2),
        ("{u: ${X}}", 1),
        ("a: 1\n---\nb: 2", 2),
    ],
)
def test_a_syntax_error_names_its_line_and_a_remedy(text: str, line: int) -> None:
    ((found, fault),) = faults_of(text)

    assert found == line
    assert fault.startswith("not valid YAML: ")
    assert "; put values with any of" in fault


@pytest.mark.parametrize(
    "text", ["p: *hunter2", "p: !hunter2 x", "p: !h!hunter2 x", "a: &hunter2 x\nb: &hunter2 y\n*hunter2"]
)
def test_an_unquoted_password_that_yaml_misreads_is_not_repeated(text: str) -> None:
    faults = faults_of(text)

    assert faults
    assert "hunter2" not in str(faults)


def test_an_empty_file_is_a_fault() -> None:
    assert faults_of("# nothing\n") == [(1, "the file is empty; start from the ingest.yaml of the README")]


def test_a_value_that_the_environment_does_not_fill_is_named_and_faults_around_it_are_echoes() -> None:
    document = read_document("a:\n  b: ${MISSING}\n  c: 1\n", {})

    assert [(document.line_of(fault), fault.path) for fault in document.faults] == [(2, ("a", "b"))]
    assert document.is_echo(Fault(("a", "b"), ""))
    assert document.is_echo(Fault(("a",), ""))
    assert not document.is_echo(Fault(("a", "c"), ""))


@pytest.mark.parametrize("number", ["0x_", "!!int ''", "!!int x"])
def test_a_number_that_python_cannot_read_is_a_fault_and_no_crash(number: str) -> None:
    assert faults_of(f"a: 1\nb: {number}\n") == [(2, "not a valid int in YAML; put it in quotes")]


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(st.characters(codec="utf-8", exclude_characters="$")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
        max_leaves=10,
    )
)
def test_values_are_those_of_yamls_safe_loader(value: Any) -> None:
    document: Document = read_document(yaml.safe_dump({"key": value}), {})

    assert document.values == {"key": value}
    assert document.faults == ()


@given(st.text(st.sampled_from("ab01:-[]{},&*!<'\"$#|>%@ \t\n"), max_size=40))
def test_no_text_whatever_makes_reading_crash(text: str) -> None:
    document = read_document(text, {"a": "1"})

    assert all(1 <= document.line_of(fault) <= text.count("\n") + 1 for fault in document.faults)
