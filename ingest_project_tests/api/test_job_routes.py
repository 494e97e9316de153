from ingest_project_tests.api.world import INGEST, ApiWorld


def test_a_job_is_accepted_recorded_and_on_the_queue(world: ApiWorld) -> None:
    answer = world.ann.post("/submit-job", json=INGEST, headers={"X-Request-Id": "req-1"})

    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/job-status/{job['id']}"
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["x-request-id"] == "req-1"
    assert (job["job"], job["state"], job["requester"], job["attempts"]) == ("ingest", "submitted", "ann", 0)
    assert job["submitted_at"].endswith("Z")
    assert world.messages() == [INGEST | {"job_id": job["id"], "request_id": "req-1"}]
    status = world.ann.get(answer.headers["location"])
    assert status.status_code == 200
    assert status.json() == job
