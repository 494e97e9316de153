"""Every example of settings in the documents is valid YAML that the settings accept."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from ingest_project.settings.load import load_settings
from ingest_project.settings.model import Settings, TableSettings
from ingest_project_tests.landing import Landing, table

TOP = Path(__file__).parents[1]
BLOCK = re.compile(r"^ *```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
OTHERS = {"load_from", "storage"}
"""First keys of examples that are Dagster's: of workspace.yaml and dagster.yaml."""
ORDERS = table("sales.orders", "orders/", {"order_id": "long"})


def examples() -> Iterator[Any]:
    for document in sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md")]):
        text = document.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield pytest.param(dedent(found[1]), id=f"{document.relative_to(TOP)}:{line}")


def completed(example: dict[str, Any]) -> dict[str, Any]:
    """Sections of ingest.yaml: what an example leaves out of a table is that of sales.orders."""
    if set(example) <= {field.alias or name for name, field in Settings.model_fields.items()}:
        if any(queue.get("source") == "messages" for queue in example.get("queues", [])):
            return {"tables": []} | example  # the table follows from the queue
        return example | {"tables": [{**ORDERS, **one} for one in example.get("tables", [ORDERS])]}
    assert set(example) <= {field.alias or name for name, field in TableSettings.model_fields.items()}
    return {"tables": [{**ORDERS, **example}]}


@pytest.mark.parametrize("example", [*examples()])
def test_example_of_settings_is_accepted(example: str, tmp_path: Path) -> None:
    found = yaml.safe_load(example)
    if OTHERS & set(found):
        return
    landing = Landing(tmp_path, "http://127.0.0.1:1")
    given = completed(found)
    landing.write(**given)

    settings = load_settings(landing.settings_path)

    assert len(settings.tables) == (len(given["tables"]) or 1)
