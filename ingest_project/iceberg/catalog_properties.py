"""What PyIceberg is told about the catalog: the settings' own properties, and what follows from `aws`."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingest_project.settings.model import AwsSettings, CatalogSettings

_S3_SCHEMES = ("s3://", "s3a://", "s3n://")
_SQLITE_BUSY_SECONDS = 60


def catalog_properties(
    catalog: CatalogSettings, aws: AwsSettings, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The properties to open the catalog with; whatever the settings say of it stands."""
    properties = catalog.properties
    uri = properties.get("uri", "")
    if uri.startswith("sqlite"):
        properties["uri"] = _patient(uri)
    # Only a SQL catalog tells us where the warehouse is; other catalogs answer with it when a table is loaded.
    if properties.get("warehouse", "s3://").startswith(_S3_SCHEMES) or catalog.type in {"rest", "glue"}:
        return {**_aws_properties(aws, environment), **properties}
    return properties


def make_folders(properties: Mapping[str, str]) -> None:
    """Makes the folder of a SQLite catalog; PyArrow makes those of a local warehouse."""
    uri = properties.get("uri", "")
    if uri.startswith("sqlite") and (path := unquote(urlsplit(uri).path)[1:]):
        Path(path).parent.mkdir(parents=True, exist_ok=True)


def _patient(uri: str) -> str:
    """The URI with a busy timeout: by default SQLite gives up on another process's write after five seconds."""
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
