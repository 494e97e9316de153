"""The history job in the web UI: keys of strangers are shown as they are, and take no effect on the page."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ingest_project.ledger.ledger import Ledger
from ingest_project_tests.e2e.browser import chromium
from ingest_project_tests.e2e.shop import ORDERS
from ingest_project_tests.e2e.world import BIN, TOP, World
from ingest_project_tests.ledger.factories import claim, deliver, failure, outcome, plan_one, routed, start
from ingest_project_tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.e2e

HOSTILE = "orders/<img src=x onerror=\"document.title='taken'\">**bold** [l](javascript:alert(1))"


def test_history_in_the_web_ui_is_plain_text(world: World) -> None:
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no browser; install the Debian packages chromium and chromium-driver")
    world.create_queue("landing")
    world.write_settings([{"name": "landing", "enabled": False}], [ORDERS])
    fail(world.home / "ledger.db")
    run_id = launch_history(world)

    with chromium(world.start_dev(), world.home) as browser:
        browser.open(f"/runs/{run_id}", "ledger_history", "STEP_OUTPUT")
        browser.see(f"s3://acme-landing/{HOSTILE}", "unreadable: it is <b>broken</b>")

        assert browser.count("td img, td b, td a[href^='javascript']") == 0
        assert "taken" not in browser._driver.title


def fail(path: Path) -> None:
    """An object of a hostile key that could not be read."""
    ledger = Ledger(f"sqlite:///{path}")
    deliver(ledger, claim(routed(HOSTILE)))
    work = start(ledger, plan_one(ledger))
    broken = failure(work.objects[0].object_id, reason="it is <b>broken</b>")
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken], snapshot_id=None))
    ledger.close()


def launch_history(world: World) -> str:
    """Run the job as `dagster job execute` does; gives the run's id."""
    config = world.home / "history.yaml"
    config.write_text("ops: {history: {config: {limit: 10, details: true}}}\n")
    job = ("-m", "ingest_project.definitions", "-j", "ledger_history")
    done = subprocess.run(
        [BIN / "dagster", "job", "execute", *job, "-c", config],
        cwd=TOP,
        env={**os.environ, **world.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    found = re.search(r"ledger_history - ([0-9a-f-]{36})", done.stderr)
    assert found is not None, done.stderr
    return found[1]
