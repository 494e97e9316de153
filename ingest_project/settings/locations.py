"""Makes the locations of the ledger, the catalog, the warehouse and the tokens absolute.

The daemon, its runs and the command line start in different folders, and all must open the same database.
"""

import re
from pathlib import Path
from typing import Any

from ingest_project.settings.api_settings import ApiSettings
from ingest_project.settings.model import CatalogSettings, Settings

_SQLITE = re.compile(r"(?P<dialect>sqlite(?:\+\w+)?):///(?P<path>[^/].*)")
_POSTGRES = re.compile(r"postgres(?:ql)?://")


def anchored(settings: Settings, base_dir: Path) -> Settings:
    """The same settings with `base_dir` set, relative locations below it, and installed drivers in URLs."""
    ledger = settings.ledger.model_copy(update={"url": database_url(settings.ledger.url, base_dir)})
    catalog = settings.catalog.model_copy(update=_catalog_locations(settings.catalog, base_dir))
    of_metadata = settings.metadata_catalog
    if of_metadata is not None:
        of_metadata = of_metadata.model_copy(update=_catalog_locations(of_metadata, base_dir))
    api = None if settings.api is None else _anchored_api(settings.api, base_dir)
    located = {"ledger": ledger, "catalog": catalog, "metadata_catalog": of_metadata, "api": api}
    return settings.model_copy(update={**located, "base_dir": base_dir})


def database_url(url: str, base_dir: Path) -> str:
    """A SQLAlchemy URL with an absolute SQLite file, and with psycopg 3 if it does not name a driver."""
    sqlite = _SQLITE.fullmatch(url)
    if sqlite and not sqlite["path"].startswith((":memory:", "file:")):
        return f"{sqlite['dialect']}:///{base_dir / sqlite['path']}"
    # For a bare postgresql:// SQLAlchemy uses psycopg2; the `postgres` extra installs psycopg 3.
    return _POSTGRES.sub("postgresql+psycopg://", url, count=1) if _POSTGRES.match(url) else url


def warehouse_url(warehouse: str, base_dir: Path) -> str:
    """An absolute `file://` URL for a path without a scheme or with `file://`; others are unchanged."""
    path = warehouse.removeprefix("file://")
    return warehouse if "://" in path else f"file://{base_dir / path}"


def _anchored_api(api: ApiSettings, base_dir: Path) -> ApiSettings:
    changed: dict[str, Any] = {}
    if api.tokens is not None and api.tokens.file is not None:
        changed["tokens"] = api.tokens.model_copy(update={"file": str(base_dir / api.tokens.file)})
    if api.jwt is not None and api.jwt.jwks_file is not None:
        changed["jwt"] = api.jwt.model_copy(update={"jwks_file": str(base_dir / api.jwt.jwks_file)})
    return api.model_copy(update=changed)


def _catalog_locations(catalog: CatalogSettings, base_dir: Path) -> dict[str, Any]:
    given = catalog.properties
    located = {}
    if catalog.type == "sql" and "uri" in given:
        located["uri"] = database_url(given["uri"], base_dir)
    # For a REST or Glue catalog, `warehouse` may be a name, not a path.
    if "warehouse" in given and (
        catalog.type in {"sql", "in-memory"} or given["warehouse"].startswith("file://")
    ):
        located["warehouse"] = warehouse_url(given["warehouse"], base_dir)
    return located
