"""An entry goes behind the last table, and nothing else of the file changes."""

import re

import pytest
import yaml

from ingest_project.preview.insertion import insertion

ENTRY = ["# seen", "- name: new.one", "  columns:", "    a: long  # x"]
NEW = {"name": "new.one", "columns": {"a": "long"}}
OLD = {"name": "a.b", "x": [1, 2]}


def added(text: str) -> str:
    return insertion(text, ENTRY).applied(text)


@pytest.mark.parametrize(
    "text",
    [
        "tables:\n  - name: a.b\n    x: [1, 2]\n",
        "tables:\n- name: a.b\n  x: [1, 2]\n",
        "tables:\n- name: a.b\n  x: [1, 2]\nlater: 1\n",
        "tables:\n    -   name: a.b\n        x: [1, 2]   # the end\n",
        "tables:\n  - name: a.b\n    x: [1, 2]",
        (
            "tables:\n  - name: a.b\n    x:\n      - 1\n      - 2\n    # its own comment\n\n"
            "# of what follows\nlater: 1\n"
        ),
        "tables:\n  - {name: a.b, x: [1, 2]}\nlater: 1\n",
        "tables:\r\n  - name: a.b\r\n    x: [1, 2]\r\nlater: 1\r\n",
        "---\ntables:\n  -\n    name: a.b\n    x: [1, 2]\n...\n",
        "one: &one {name: a.b, x: [1, 2]}\ntables:\n  - *one\nlater: 1\n",
        "tables:\n  - x: [1, 2]\n    name: >-\n      a.b\n\n\nlater: 1\n",
    ],
)
def test_entry_is_behind_the_last_table_and_nothing_else_changes(text: str) -> None:
    edit = insertion(text, ENTRY)
    after = edit.applied(text)

    assert edit.start == edit.end
    assert after.startswith(text[: edit.at])
    assert after.endswith(text[edit.at :])
    assert yaml.safe_load(after) == {**yaml.safe_load(text), "tables": [OLD, NEW]}
    if "\r\n" in text:
        assert "\n" not in after.replace("\r\n", "")


def test_comments_stay_with_the_table_that_they_are_of() -> None:
    text = "tables:\n  - name: a.b\n    # its own\n# of what follows\nlater: 1\n"

    after = added(text)

    assert after.index("# its own") < after.index("new.one") < after.index("# of what follows")


def test_indentation_is_that_of_the_file() -> None:
    after = added("tables:\n    -   name: a.b\n        x: [1, 2]\n")

    assert "\n    -   name: new.one\n        columns:\n" in after


@pytest.mark.parametrize(
    "text",
    [
        "tables: []\n",
        "tables: []  # none yet\nlater: 1\n",
        "tables:\n",
        "tables:",
        "tables: null\nlater: 1\n",
        "tables: [\n]\n",
    ],
)
def test_empty_list_becomes_the_entry(text: str) -> None:
    after = added(text)

    assert yaml.safe_load(after)["tables"] == [NEW]
    assert [line for line in after.splitlines() if line != line.rstrip()] == []
    left = re.sub(r"\[\s*\]|null", "", text)
    assert after.replace("".join(f"  {line}\n" for line in ENTRY), "").split() == left.split()


def test_missing_list_is_added_at_the_end() -> None:
    after = added("later: 1\n# the end\n")

    assert after.startswith("later: 1\n")
    assert after.endswith("# the end\n")
    assert yaml.safe_load(after) == {"later": 1, "tables": [NEW]}


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("tables: [{name: a.b}]\n", "line for each table"),
        ("{tables: [{name: a.b}]}\n", "lines of their own"),
        ("all: &all [{name: a.b}]\ntables: *all\n", "write the tables out"),
        ("tables: text\n", "line for each table"),
    ],
)
def test_where_no_place_is_sure_it_is_refused_with_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        insertion(text, ENTRY)
