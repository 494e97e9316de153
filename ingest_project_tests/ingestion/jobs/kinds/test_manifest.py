"""The manifest of a job's result, as whoever has its link reads it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from ingest_project.errors import ObjectError
from ingest_project.ingestion.jobs.kinds.manifest import write_manifest
from ingest_project.ingestion.jobs.kinds.outcome import ResultFile
from ingest_project.ingestion.jobs.kinds.work import outcome_of_work
from ingest_project.ledger.job_model import JobState, JobWork
from ingest_project_tests.ingestion.jobs.kinds.worlds import AT, RESULTS, JobZone

FILE = ResultFile(f"{RESULTS}x/attempt-1/part-1.csv", 7, 42, "ab" * 32)


def write(world: JobZone, results: str | None = RESULTS) -> str | None:
    job = world.job("export", job_id="7" * 32)
    return write_manifest(
        world.kinds.result_files, results, job, state=JobState.COMPLETED, ended_at=AT + timedelta(hours=1),
        result={"rows": 7, "name": "é\ud800"}, files=[FILE], snapshot_id=2**62,
    )  # fmt: skip


def read(world: JobZone, uri: str) -> dict[str, Any]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    found = world.zone.landing.s3.get_object(Bucket=bucket, Key=key)
    assert found["ContentType"] == "application/json"
    told: dict[str, Any] = json.loads(found["Body"].read())
    return told


def test_manifest_says_who_asked_for_what_and_what_came_of_it(world: JobZone) -> None:
    uri = write(world)

    assert uri == f"{RESULTS}{'7' * 32}/manifest.json"
    told = read(world, uri)
    assert len(told.pop("input_digest")) == 32
    assert told == {
        "job_id": "7" * 32, "job": "export", "state": "completed", "requester": "ann",
        "submitted_at": "2026-11-30T08:00:00Z", "started_at": None, "ended_at": "2026-11-30T09:00:00Z",
        "attempts": 1, "result": {"rows": 7, "name": "é\ud800"},
        "files": [{"uri": FILE.uri, "rows": 7, "bytes": 42, "sha256": "ab" * 32}],
        "snapshot_id": str(2**62), "error": None,
    }  # fmt: skip


def test_manifest_that_is_written_again_is_the_same(world: JobZone) -> None:
    first = read(world, write(world) or "")

    assert read(world, write(world) or "") == first


def test_without_a_place_for_results_there_is_no_manifest(world: JobZone) -> None:
    assert write(world, results=None) is None


def test_place_that_does_not_exist_is_an_error(world: JobZone) -> None:
    with pytest.raises(ObjectError, match="s3://no-such-bucket/"):
        write(world, results="s3://no-such-bucket/")


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (JobWork(0, 0, 0, 0, 0, 0), None),
        (JobWork(3, 1, 1, 5, 10, 30, "it is broken"), None),
        (JobWork(3, 3, 0, 5, 30, 30), None),
        (
            JobWork(3, 2, 1, 5, 20, 30, "it is broken"),
            "1 of 3 objects failed, the others are in the table; first: it is broken",
        ),
    ],
)
def test_job_fails_by_its_work_only_when_all_of_it_is_over(work: JobWork, error: str | None) -> None:
    told, found = outcome_of_work(work)

    assert found == error
    assert set(told) == {"objects_done", "objects_total", "rows", "bytes_done", "bytes_total"}
    assert told["objects_done"] == work.done + work.failed
