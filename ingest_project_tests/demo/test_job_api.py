"""The demo's API of jobs: a real `ingest api`, whose job is followed to its end."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from rich.console import Console

from ingest_project.demo.dagster_dev import any_free_port
from ingest_project.demo.interrupts import Interrupts
from ingest_project.demo.job_api import job_api
from ingest_project.demo.summary import print_job
from ingest_project.errors import IngestError
from ingest_project.ledger.job_model import JobQuery
from ingest_project_tests.api.conftest import make_world
from ingest_project_tests.api.world import QUEUE, ApiWorld
from ingest_project_tests.ledger import job_factories

__all__ = ["make_world"]


@pytest.fixture
def world(make_world: Callable[..., ApiWorld], monkeypatch: pytest.MonkeyPatch) -> ApiWorld:
    made = make_world(open=True)
    monkeypatch.setenv("INGEST_CONFIG", str(made.landing.settings_path))
    return made


def test_a_job_is_followed_to_its_end(
    world: ApiWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = world.services.ledger

    def complete() -> None:
        while not (found := ledger.jobs.jobs(JobQuery())):
            time.sleep(0.05)
        request = ledger.jobs.request(found[0].job_id)
        assert request is not None
        ledger.jobs.tell(
            request.job_id,
            result={"rows": 1200, "files": 1},
            manifest=f"s3://results/jobs/{request.job_id}/m",
        )
        job_factories.complete(ledger, request, queue=QUEUE)

    daemon = Thread(target=complete)
    with (
        Interrupts() as interrupts,
        job_api(tmp_path, port=any_free_port(), log=tmp_path / "api.log", interrupts=interrupts) as jobs,
    ):
        jobs.wait_until_up()
        daemon.start()
        status = jobs.run("export", {"table": "sales.orders"})
        daemon.join()

    assert status["state"] == "completed"
    print_job(status, Console(width=200))
    shown = capsys.readouterr().out
    assert f"Job {status['id']} (export): completed, 1,200 rows in 1 file" in shown
    assert f"/jobs/{status['id']}/m?" in shown


def test_an_api_that_does_not_start_or_refuses_is_an_error(
    world: ApiWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Interrupts() as interrupts,
        job_api(tmp_path, port=any_free_port(), log=tmp_path / "api.log", interrupts=interrupts) as jobs,
    ):
        jobs.wait_until_up()
        with pytest.raises(IngestError, match="did not accept"):
            jobs.run("export", {"table": "no.such"})
    monkeypatch.setenv("INGEST_CONFIG", str(tmp_path / "absent.yaml"))
    with (
        Interrupts() as interrupts,
        job_api(tmp_path, port=any_free_port(), log=tmp_path / "api.log", interrupts=interrupts) as jobs,
        pytest.raises(IngestError, match="did not start"),
    ):
        jobs.wait_until_up()
