"""An entry loads whatever it was made of, and declares what was seen."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest_project.preview.columns import found_columns
from ingest_project.preview.config_file import add_table
from ingest_project.preview.entry import entry_lines
from ingest_project.preview.key_partitions import find_partitions
from ingest_project.preview.listing import listing_of
from ingest_project.preview.places import Place, table_name
from ingest_project.preview.preview import Preview
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import TableSettings
from ingest_project_tests.preview.test_sampling import sample
from ingest_project_tests.sources.factories import object_version

BEFORE = "queues:\n  - {name: landing, url: 'https://sqs.eu-central-1.amazonaws.com/1/landing'}\ntables: []\n"
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False,
        allow_infinity=False)
    | st.text(max_size=8) | st.sampled_from(["2026-11-20", "12.50", "00501", "NULL", "a: b # c", "\n- x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
names = st.text(max_size=8) | st.sampled_from(
    ["a: b", "- x", "#", "no", "'", '"', "\n", "_batch_id", "A", "a", "a.b"]
)
folders = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def previewed(monkeypatch: pytest.MonkeyPatch, key: str, body: bytes) -> Preview:
    one = object_version(key, size_bytes=len(body))
    found = sample(monkeypatch, {one: body})
    assert found.settled is not None
    prefix = key.rpartition("/")[0] + "/"
    return Preview(
        place=Place("acme-landing", prefix),
        table=table_name("acme-landing", prefix),
        listing=listing_of([one]),
        objects=found.objects,
        format=found.settled.read_as.format,
        options=found.settled.read_as.options,
        columns=found_columns(found.rows),
        rows=(),
        partitions=find_partitions([one]),
        partition_spec=(),
        suffix="",
        mapping=None,
        notes=found.settled.notes,
    )


def loaded(preview: Preview) -> TableSettings:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ingest.yaml")
        path.write_text(BEFORE)
        add_table(path, entry_lines(preview, "landing"))
        (table,) = load_settings(path).tables
        return table


@settings(max_examples=150)
@given(st.lists(st.dictionaries(names, values, max_size=5), min_size=1, max_size=3), folders)
@example([{"a": {"x\0": 1}}], "x")
@example([{"a": {"`": 1, "b:c": [{"x,y": 1.5}]}}], "region=no/${HOME}")
def test_entry_loads_whatever_the_files_call_things(
    monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], folder: str
) -> None:
    body = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    preview = previewed(monkeypatch, f"{folder}/a.ndjson", body)

    if preview.is_found:
        table = loaded(preview)

        assert table.prefix == f"{folder}/"
        columns = (table.columns or {}).items()
        declared = {name if one.from_ is None else one.from_ for name, one in columns}
        assert declared <= {one.name for one in preview.columns}


@settings(max_examples=100)
@given(st.text(max_size=60), st.sampled_from([",", ";", "\t", "|"]))
def test_entry_of_any_csv_loads(monkeypatch: pytest.MonkeyPatch, text: str, delimiter: str) -> None:
    body = f"a{delimiter}b\n{text}\n1{delimiter}2\n".encode("utf-8", "replace")
    preview = previewed(monkeypatch, "x/a.csv", body)

    if preview.is_found:
        assert loaded(preview).format == preview.format


def test_entry_says_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"id": 1, "note": null, "Id": 2, "amount": 1}\n{"id": 2, "amount": null, "s": {"t": 1}}\n'

    lines = "\n".join(entry_lines(previewed(monkeypatch, "raw/dt=2026-11-20/a.ndjson", body), "landing"))

    for line in (
        (
            "    id: long  # another column has this name in other case, which engines ignore; "
            "case_insensitive: true makes one column of both"
        ),
        "    Id_2: {type: long, from: Id}  # null in 1 of 2 rows; another column has this name in other case",
        "    # note: null - left out: only nulls or empty values were seen, so it has no type yet",
        "    amount: long  # null in 1 of 2 rows; such as 1",
        '    s: "struct<t: long>"',
        "  partition:  # 1 in the keys: 2026-11-20",
        '    start: "2026-11-20"  # the earliest seen; an older object would have no partition',
    ):
        assert line in lines
