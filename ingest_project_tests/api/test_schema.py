"""schemathesis asks the API for what its own document allows, and for what it does not, step after step.

Each answer has to be one that the document declares, with its content type, headers and schema; what the
document does not allow has to be refused; and nothing may be a server error.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_project.ledger.job_model import JobQuery
from ingest_project.settings.api_settings import Rate
from ingest_project_tests.api.test_metrics import samples
from ingest_project_tests.api.world import BOSS, ApiWorld
from ingest_project_tests.patience import PATIENCE_SECONDS

SCENARIOS = 8
"""Enough for each link of the document; the phase `coverage` adds its own cases, whatever this is."""
NOT_CHECKED = "positive_data_acceptance"
"""A table, a prefix or a cursor that the document allows may be one that there is not."""


def test_the_api_answers_as_its_document_says_whatever_is_asked_in_any_order(
    make_world: Callable[..., ApiWorld], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_project.api.serve.STRANGERS", Rate(500_000, 60))
    world = make_world(tokens={"file": "tokens.json"}, rate_limit="500000/1m")
    token = world.token("boss", *BOSS)

    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{world.url}/openapi.json", "--seed=1",
            "--no-color", f"--max-examples={SCENARIOS}", "--phases=coverage,stateful", "--generation-database=none",
            f"--exclude-checks={NOT_CHECKED}", f"--header=Authorization: Bearer {token}",
            "--suppress-health-check=all", "--warnings=off",
        ],
        cwd=tmp_path, env={**os.environ, "SCHEMATHESIS_HOOKS": "ingest_project_tests.api.schema_hooks"},
        capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip

    Path("/tmp/st.out").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    found = samples(world.boss.get("/metrics").text)
    answered = {labels[1:] for labels in found if labels[0] == "ingest_api_requests_total"}
    assert answered >= {
        ("POST", "/submit-job", "202"), ("POST", "/submit-job", "422"), ("POST", "/submit-job", "401"),
        ("GET", "/job-status/{job_id}", "200"),
        ("POST", "/jobs/{job_id}/cancel", "202"), ("GET", "/jobs", "200"), ("GET", "/jobs", "422"),
    }  # fmt: skip
    assert not [labels for labels in answered if labels[2].startswith("5")]
    recorded = {one.job_id for one in world.services.ledger.jobs.jobs(JobQuery(limit=10_000))}
    assert len(recorded) == found["ingest_jobs_submitted_total", "ingest"]
    assert {one["job_id"] for one in world.messages()} == recorded
