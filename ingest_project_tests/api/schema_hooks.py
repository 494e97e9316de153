"""What schemathesis cannot know of our API: which requests are acceptable. `test_schema.py` loads it."""

from typing import Any

import schemathesis

from ingest_project_tests.api.world import INGEST


@schemathesis.hook
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    """Half of the bodies become a good one: most that the document allows name tables that there are not."""
    is_one = isinstance(case.body, dict) and isinstance(case.body.get("input"), dict)
    if case.operation.path == "/submit-job" and is_one and len(repr(case.body)) % 2:
        case.body = INGEST
