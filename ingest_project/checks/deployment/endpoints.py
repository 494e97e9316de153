"""Finds plain text on the network: endpoints, queues and catalogs with `http://`."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from ingest_project.checks.deployment.finding import Finding, warning
from ingest_project.checks.deployment.refusal import AWS_FAULTS
from ingest_project.services import Services

CHECK = "endpoint"
_CATALOG = (
    "uri",
    "s3.endpoint",
    "glue.endpoint",
    "dynamodb.endpoint",
    "oauth2-server-uri",
    "rest.signing-endpoint",
)


def check_endpoints(services: Services) -> list[Finding]:
    """A warning for each address of another machine that is `http://`; nothing if there is none."""
    urls: dict[str, str] = {}
    for where, url in _addresses(services):
        if is_plain(url):
            urls.setdefault(url, where)
    return [
        warning(
            CHECK,
            where,
            f"{url} is not encrypted: others on the network can read and change objects, events and session "
            "tokens",
            f"write https:// in {where}; if the network is your own and closed, leave it",
        )
        for url, where in urls.items()
    ]


def is_plain(url: str) -> bool:
    """Whether it is HTTP without TLS to another machine than this one."""
    parts = urlsplit(url)
    if parts.scheme.lower() != "http":
        return False
    host = parts.hostname or ""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def _addresses(services: Services) -> Iterator[tuple[str, str]]:
    """Where an address comes from, and the address."""
    settings = services.settings
    where = "AWS_ENDPOINT_URL" if settings.aws.endpoint_url is None else "aws.endpoint_url"
    for endpoint in _endpoints(services):
        yield where, endpoint
    for queue in settings.queues:
        yield f"queues: {queue.name}.url", queue.url
    for name, catalog in (("catalog", settings.catalog), ("metadata_catalog", settings.metadata_catalog)):
        properties = {} if catalog is None else catalog.properties
        for key in _CATALOG:
            if key in properties:
                yield f"{name}.{key}", properties[key]


def _endpoints(services: Services) -> list[str]:
    """The endpoints that boto3 uses, whether the settings, the environment, or a profile name them."""
    aws = services.aws
    try:
        return [aws.s3_of(None).meta.endpoint_url, aws.sqs().meta.endpoint_url, aws.sts().meta.endpoint_url]
    except AWS_FAULTS:  # the check of the credentials reports it
        return []
