"""The check of the jobs' queue: made by hand and by its sensor, which records what has changed."""

from pathlib import Path

import dagster as dg

from ingest_project.defs.assets import queue_asset_key, queue_assets
from ingest_project.defs.job_checks import job_checks, tick
from ingest_project_tests.job_zone import REQUESTS, JobZone


def test_a_job_that_does_not_end_fails_the_check_and_the_verdict_is_recorded_once(
    aws: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    zone = JobZone.create(tmp_path, aws, stuck_after="1s")
    queue = zone.services.settings.queue(REQUESTS)
    zone.services.ledger.jobs.cancel(zone.submit("weather", station="harbour").job_id, by="me")

    first = tick(dg.build_sensor_context(instance=instance), zone.services, queue, now=1_000)
    again = tick(
        dg.build_sensor_context(instance=instance, cursor=first.cursor), zone.services, queue, now=1_060
    )
    later = tick(
        dg.build_sensor_context(instance=instance, cursor=again.cursor), zone.services, queue, now=9_000
    )

    (event,) = first.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.asset_key, event.check_name, event.passed) == (
        queue_asset_key(REQUESTS),
        "jobs_stuck",
        True,
    )
    assert (len(again.asset_events), len(later.asset_events)) == (0, 1)


def test_the_check_can_be_made_by_hand(aws: str, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    zone = JobZone.create(tmp_path, aws)
    definitions = dg.Definitions(
        assets=queue_assets(zone.services.settings),
        asset_checks=job_checks(zone.services.settings),
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
        resources={"services": zone.services},
    )

    done = definitions.resolve_job_def("checks").execute_in_process(instance=instance)

    (made,) = done.get_asset_check_evaluations()
    assert (made.check_name, made.passed) == ("jobs_stuck", True)
