"""Writes the OpenAPI document of the API to stdout: `make openapi` keeps docs/openapi.json."""

import json
import sys

from ingest_project.api.app import described_app


def document_text() -> str:
    """The document as it is committed."""
    return json.dumps(described_app().openapi(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document_text())
