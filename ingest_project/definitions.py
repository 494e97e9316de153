"""The composition root: all that Dagster loads, made from the settings, without connections or files."""

import dagster as dg

from ingest_project.defs.alerts import alert_sensor
from ingest_project.defs.asset_checks import checks_job, table_checks
from ingest_project.defs.assets import queue_assets, table_assets
from ingest_project.defs.check_sensor import check_sensors
from ingest_project.defs.dead_letters import dlq_jobs
from ingest_project.defs.expire import expire_schedules, expire_snapshots
from ingest_project.defs.job_checks import job_check_sensors, job_checks
from ingest_project.defs.job_inputs import own_input_check, own_jobs
from ingest_project.defs.job_runs import built_in_jobs
from ingest_project.defs.job_sensor import job_sensors
from ingest_project.defs.jobs import ingest_jobs
from ingest_project.defs.object_alerts import object_alert_sensor
from ingest_project.defs.operations import ledger_jobs
from ingest_project.defs.quarantine_assets import quarantine_assets
from ingest_project.defs.queue_sink import SqsSink
from ingest_project.defs.reconcile import ledger_reconcile, reconcile_schedules
from ingest_project.defs.schedules import rebuild_schedules
from ingest_project.defs.sensors import queue_sensors
from ingest_project.services import Services
from ingest_project.settings.load import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """Assets and checks by table, jobs and sensors by queue, schedules where the settings ask for them."""
    settings = load_settings()
    jobs = ingest_jobs(settings)
    on_demand = built_in_jobs(settings) | own_jobs(settings)
    checks = table_checks(settings)
    services = Services(settings, check_own_input=own_input_check(settings))
    return dg.Definitions(
        assets=[*queue_assets(settings), *table_assets(settings), *quarantine_assets(settings)],
        asset_checks=[*checks, *job_checks(settings)],
        jobs=[
            *jobs,
            *on_demand.values(),
            *ledger_jobs(),
            ledger_reconcile,
            expire_snapshots,
            *dlq_jobs(),
            *([checks_job()] if checks else []),
        ],
        sensors=[
            *queue_sensors(settings, jobs),
            *job_sensors(settings, on_demand),
            *check_sensors(settings),
            *job_check_sensors(settings),
            alert_sensor(settings),
            object_alert_sensor(settings),
        ],
        schedules=[
            *rebuild_schedules(settings),
            *reconcile_schedules(settings),
            *expire_schedules(settings),
        ],
        resources={"services": services, "sqs": SqsSink(services)},
        # A rebuild is one step: a separate process would only import everything again.
        executor=dg.in_process_executor,
    )
