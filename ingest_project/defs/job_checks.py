"""The check `jobs_stuck` of the jobs' queue: by hand, and by a sensor, which records what has changed."""

import time
from collections.abc import Iterator

import dagster as dg

from ingest_project.checks.tables.jobs_stuck import CHECK, DESCRIPTION
from ingest_project.defs.asset_checks import check_result, evaluation_of
from ingest_project.defs.assets import queue_asset_key
from ingest_project.defs.check_sensor import INTERVAL_SECONDS, RECORDED_ANEW_SECONDS, digest_of_verdict
from ingest_project.services import Services
from ingest_project.settings.model import QueueSettings, Settings


def job_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The check of the jobs' queue, if the settings have one."""
    return [] if settings.jobs_queue is None else [_check(settings.jobs_queue)]


def job_check_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """The sensor `<queue>_checks` of the jobs' queue, if the settings have one."""
    return [] if settings.jobs_queue is None else [_sensor(settings.jobs_queue)]


def _check(queue: QueueSettings) -> dg.AssetChecksDefinition:
    key = queue_asset_key(queue.name)

    @dg.multi_asset_check(
        name=f"{queue.name}_job_checks",
        specs=[dg.AssetCheckSpec(CHECK, asset=key, description=DESCRIPTION)],
        compute_kind="ledger",
    )
    def checks(services: dg.ResourceParam[Services]) -> Iterator[dg.AssetCheckResult]:
        from ingest_project.checks.tables.jobs_stuck import check_jobs_stuck

        verdict = check_jobs_stuck(services)
        if verdict is not None:
            yield check_result(key, verdict)

    return checks


def _sensor(queue: QueueSettings) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{queue.name}_checks",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if queue.enabled else dg.DefaultSensorStatus.STOPPED,
        description=f"Looks for jobs of {queue.name} that do not end. Records a verdict that has changed, "
        "and each verdict once an hour.",
    )
    def sensor(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SensorResult:
        """One tick."""
        return tick(context, services, queue, now=time.time())

    return sensor


def tick(
    context: dg.SensorEvaluationContext, services: Services, queue: QueueSettings, *, now: float
) -> dg.SensorResult:
    """Makes the check; the cursor has the time of the last record and a digest of what it said."""
    from ingest_project.checks.tables.jobs_stuck import check_jobs_stuck

    verdict = check_jobs_stuck(services)
    if verdict is None:
        return dg.SensorResult(skip_reason="the settings have no jobs")
    recorded, _, said = (context.cursor or "0 -").partition(" ")
    is_due = not recorded.isdecimal() or now - int(recorded) >= RECORDED_ANEW_SECONDS
    if not is_due and said == digest_of_verdict(verdict):
        return dg.SensorResult(skip_reason="the verdict has not changed", cursor=context.cursor)
    outcome = "passed" if verdict.passed else "failed"
    context.log.info(f"{queue.name} {verdict.check} {outcome}: {verdict.description}")
    event = evaluation_of(queue_asset_key(queue.name), verdict)
    return dg.SensorResult(asset_events=[event], cursor=f"{int(now)} {digest_of_verdict(verdict)}")
