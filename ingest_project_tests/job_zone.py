"""A landing zone that accepts jobs, and Dagster jobs of users for it to launch."""

from pathlib import Path
from typing import Any

import dagster as dg

from ingest_project.defs.job_inputs import own_input_check, own_jobs
from ingest_project.defs.job_runs import built_in_jobs
from ingest_project.defs.job_sensor import job_sensors
from ingest_project.ingestion.jobs.jobs import Asked
from ingest_project.ledger.job_model import JobRecord
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests.factories import Zone, aws_of, orders_table
from ingest_project_tests.landing import BUCKET, Landing

REQUESTS = "requests"
RESULTS = f"s3://{BUCKET}/results/"


class Station(dg.Config):
    """What a batch of weather is simulated for."""

    station: str
    days: int = 1


@dg.op
def simulate(context: dg.OpExecutionContext, config: Station) -> None:
    """Simulate the weather; a station that does not exist fails."""
    if config.station == "atlantis":
        raise ValueError("a secret of the station")
    if config.station == "moon":
        raise dg.Failure("there is no weather on the moon")
    context.add_output_metadata({"job_result": {"station": config.station, "rows": 24 * config.days}})


@dg.job(executor_def=dg.in_process_executor)
def weather_batch() -> None:
    """A batch of simulated weather."""
    simulate()


class JobZone:
    """A zone with a queue for requests. `tick` and `run` do what Dagster's daemon and its runs do."""

    def __init__(self, zone: Zone, requests_url: str) -> None:
        self.zone = zone
        self.requests_url = requests_url
        self.services = self._services()

    @classmethod
    def create(cls, folder: Path, endpoint: str, **jobs: Any) -> "JobZone":
        """A zone with the table sales.orders, and these settings of `jobs`."""
        landing = Landing(folder, endpoint)
        landing.create()
        made = landing.sqs.create_queue(QueueName=REQUESTS)["QueueUrl"]
        url = f"{endpoint}/{made.split('/', 3)[3]}"
        weather = {"job": f"{__name__}:weather_batch", "op": "simulate"}
        queues = [
            {"name": "landing", "url": landing.queue_url},
            {"name": REQUESTS, "url": url, "source": "jobs"},
        ]
        given = {"results": RESULTS, "kinds": {"weather": weather}, **jobs}
        landing.write(tables=[orders_table()], queues=queues, jobs=given)
        return cls(Zone(landing), url)

    def _services(self) -> Services:
        settings = load_settings(self.zone.landing.settings_path)
        services = Services(settings, check_own_input=own_input_check(settings))
        services.aws = aws_of(self.zone.landing.endpoint)
        return services

    def submit(self, kind: str, /, *, key: str | None = None, **given: Any) -> JobRecord:
        return self.services.jobs.submit(kind, given, Asked("me", key, "request-1"))[0]

    def send(self, body: str) -> None:
        """Put a message on the queue of the requests, as an API Gateway does."""
        self.zone.landing.sqs.send_message(QueueUrl=self.requests_url, MessageBody=body)

    def job(self, job_id: str) -> JobRecord:
        found = self.services.jobs.job(job_id)
        assert found is not None
        return found

    def tick(self, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
        """The run requests of a tick, by services of their own."""
        services = self._services()
        (sensor,) = job_sensors(services.settings, self.dagster_jobs)
        result = sensor(dg.build_sensor_context(instance=instance), services=services)
        assert isinstance(result, dg.SensorResult)
        return list(result.run_requests or ())

    def run(self, instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The run of a request, to its end."""
        (job,) = [one for one in self.dagster_jobs.values() if one.name == request.job_name]
        return job.execute_in_process(
            run_config=request.run_config, tags=dict(request.tags), instance=instance, raise_on_error=False,
            resources={"services": self._services()} if job.name != "weather_batch" else None,
        )  # fmt: skip

    @property
    def dagster_jobs(self) -> dict[str, dg.JobDefinition]:
        settings = self.services.settings
        return built_in_jobs(settings) | own_jobs(settings)

    def messages(self) -> int:
        """How many messages the queue of the requests has, visible or in flight."""
        return self.services.queue(REQUESTS).attributes().depth
