"""The smallest valid ingest.yaml, and variations of it."""

from pathlib import Path

import yaml

from ingest_project.errors import SettingsError
from ingest_project.settings.load import load_settings
from ingest_project.settings.model import TableSettings

QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/landing"
MINIMAL = f"""\
queues:
  - name: landing
    url: {QUEUE_URL}
tables:
  - name: sales.orders
    queue: landing
    bucket: acme-landing
    format: ndjson
"""


def write(folder: Path, text: str) -> Path:
    """The path of a new ingest.yaml with this text."""
    path = folder / "ingest.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems_of(folder: Path, text: str) -> list[str]:
    """The problems of this text without the file's name: `4: tables[0].name: ...`; empty if it is valid."""
    path = write(folder, text)
    try:
        load_settings(path)
    except SettingsError as error:
        return [problem.removeprefix(f"{path}:") for problem in error.problems]
    return []


def table(yaml_text: str = "{}", **keys: object) -> TableSettings:
    """A valid table, changed by the keys of a YAML mapping, and by other keys."""
    minimal = {"name": "sales.orders", "queue": "landing", "bucket": "acme-landing", "format": "ndjson"}
    return TableSettings.model_validate(minimal | yaml.safe_load(yaml_text) | keys)
