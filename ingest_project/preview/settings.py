"""The settings for a preview, which may be made before there is a table, or a settings file."""

import os
from pathlib import Path

from ingest_project.errors import SettingsError
from ingest_project.settings.document import read_document
from ingest_project.settings.load import load_settings
from ingest_project.settings.locations import anchored
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.settings.validation import validated

DEFAULT = "ingest.yaml"
STAND_IN = {"name": "none.yet", "bucket": "none", "format": "text"}
"""Makes settings without tables valid; it is removed after they are loaded."""


def settings_path(config: Path | None) -> Path:
    """The settings file that `load_settings` reads."""
    return config or Path(os.environ.get("INGEST_CONFIG") or DEFAULT)


def preview_settings(config: Path | None) -> Settings:
    """The settings, whose `tables` may be empty or missing; the defaults if no file is named or found.

    Raises SettingsError as `load_settings` does.
    """
    path = settings_path(config)
    if config is None and "INGEST_CONFIG" not in os.environ and not path.exists():
        return anchored(Settings.model_construct(queues=[], tables=[]), path.absolute().parent)
    try:
        return load_settings(path)
    except SettingsError:
        without_tables = _without_tables(path)
        if without_tables is None:
            raise
        return without_tables


def _without_tables(path: Path) -> Settings | None:
    """The settings of a file whose only fault is that it has no tables; None if there are others."""
    try:
        document = read_document(path.read_text(encoding="utf-8-sig"), os.environ)
    except (OSError, UnicodeDecodeError):
        return None
    values = document.values
    if document.faults or not isinstance(values, dict) or values.get("tables"):
        return None
    queues = values.get("queues")
    first = (
        queues[0].get("name") if isinstance(queues, list) and queues and isinstance(queues[0], dict) else None
    )
    stand_in = TableSettings.model_validate({**STAND_IN, "queue": str(first)})
    settings, faults = validated(
        Settings, {**values, "tables": [stand_in.model_dump(by_alias=True, exclude_unset=True)]}
    )
    if settings is None or faults:
        return None
    return anchored(settings.model_copy(update={"tables": []}), path.absolute().parent)
