"""PyIceberg's properties of the catalog: those of the settings, and those that follow from `aws`."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingest_project.settings.model import AwsSettings, CatalogSettings
from ingest_project.settings.private_files import make_private_folder

_S3_SCHEMES = ("s3://", "s3a://", "s3n://")
_SQLITE_BUSY_SECONDS = 60


def catalog_properties(
    catalog: CatalogSettings, aws: AwsSettings, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The properties to open the catalog with; the settings' own properties take precedence."""
    properties = catalog.properties
    uri = properties.get("uri", "")
    if uri.startswith("sqlite"):
        properties["uri"] = _patient(uri)
    # Only a SQL catalog's properties name the warehouse; other catalogs return it when a table is loaded.
    if properties.get("warehouse", "s3://").startswith(_S3_SCHEMES) or catalog.type in {"rest", "glue"}:
        return {**_aws_properties(aws, environment), **properties}
    return properties


def make_folders(properties: Mapping[str, str]) -> None:
    """Creates the folder of a SQLite catalog; PyArrow creates those of a local warehouse."""
    if file := sqlite_file(properties):
        make_private_folder(file.parent)


def sqlite_file(properties: Mapping[str, str]) -> Path | None:
    """The file of a SQLite catalog; None for other catalogs."""
    uri = properties.get("uri", "")
    path = unquote(urlsplit(uri).path)[1:]
    return Path(path) if uri.startswith("sqlite") and path else None


def _patient(uri: str) -> str:
    """The URI with a busy timeout: by default SQLite waits only five seconds for another process's write."""
    if "timeout=" in urlsplit(uri).query:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}timeout={_SQLITE_BUSY_SECONDS}"


def _aws_properties(aws: AwsSettings, environment: Mapping[str, str]) -> dict[str, str]:
    endpoint = (
        aws.endpoint_url or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    )
    region = aws.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if endpoint and not region:
        region = "us-east-1"  # without one PyIceberg asks AWS itself for the bucket's region
    known = {"s3.endpoint": endpoint, "client.region": region, "client.role-arn": aws.role_arn}
    return {key: value for key, value in known.items() if value}
