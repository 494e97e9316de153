"""Work on demand: which kinds of jobs are accepted, how often they are tried, and where results go.

The queue with `source: jobs` brings the requests. In the ledger a job is an object version of a table that
is not one: `job:` and its kind.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from ingest_project.settings.aws_access import AwsAccess
from ingest_project.settings.check_settings import checked_length, length_of_time
from ingest_project.settings.document import Fault
from ingest_project.settings.names import matching
from ingest_project.settings.strict import Strict

JOB_TABLE: Final = "job:"
"""What the `table` of a job begins with in the ledger, before its kind. No name of a table has a colon."""

BUILT_IN_KINDS: Final = ("ingest", "rebuild", "replay", "export")

KindName = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_]{0,62}",
        "not a kind of job; use up to 63 small letters, digits and _, with a letter at the start",
    ),
]
JobPath = Annotated[
    str,
    matching(
        r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*",
        "not a Dagster job; write module and variable, like acme.weather:weather_batch",
    ),
]
ResultsUri = Annotated[
    str,
    matching(
        r"s3://[A-Za-z0-9][A-Za-z0-9._-]{2,62}/(?!.*(//|\.\.))(?:[A-Za-z0-9!_.*'()/=-]*/)?",
        "not a place for results; write a bucket and a prefix that ends with a slash, like s3://acme/results/",
    ),
]


class JobKindSettings(Strict):
    """A Dagster job that people may ask for.

    `job` is where Python finds it. With `op`, the input of a request is the config of that op; without, it is
    the config of all ops, as in the launchpad. A run that takes longer than `timeout` is ended, and tried
    again as often as `attempts` says.
    """

    job: JobPath
    op: str | None = None
    description: str | None = None
    timeout: Annotated[str | None, AfterValidator(checked_length)] = None
    attempts: int | None = Field(default=None, ge=1, le=10)


class JobMirrorSettings(AwsAccess):
    """A DynamoDB table with the status of each job, for those who do not ask the API. Its key is `id`."""

    table: Annotated[
        str,
        matching(
            r"[A-Za-z0-9_.-]{3,255}", "not a DynamoDB table; use 3 to 255 letters, digits, _, - and dots"
        ),
    ]


class JobsSettings(Strict):
    """The jobs that are accepted: the built-in kinds, unless `built_in` lists fewer, and those of `kinds`.

    The manifest of each result is written below `results`, and links to it are valid for `link_expires`,
    or as long as the credentials that made them. A run that was launched and has not started after
    `start_timeout` is ended, and counts as one of the `attempts`. A job that has not ended after
    `stuck_after` fails the check `jobs_stuck`. Each change of a job is copied to `mirror`, if there is one.
    """

    results: ResultsUri | None = None
    link_expires: Annotated[str, AfterValidator(checked_length)] = "1h"
    attempts: int = Field(default=3, ge=1, le=10)
    timeout: Annotated[str, AfterValidator(checked_length)] = "1h"
    start_timeout: Annotated[str, AfterValidator(checked_length)] = "6h"
    stuck_after: Annotated[str, AfterValidator(checked_length)] = "6h"
    built_in: list[str] = Field(default_factory=lambda: list(BUILT_IN_KINDS))
    kinds: dict[KindName, JobKindSettings] = Field(default_factory=dict)
    mirror: JobMirrorSettings | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The kinds that may be asked for."""
        return (*self.built_in, *self.kinds)

    def longest_run(self, kind: str) -> timedelta:
        """How long a run of this kind may take."""
        own = self.kinds[kind].timeout if kind in self.kinds else None
        return length_of_time(own or self.timeout)

    @property
    def longest_start(self) -> timedelta:
        """How long a run may take from its launch to its start, the time in Dagster's run queue included."""
        return length_of_time(self.start_timeout)

    def attempts_of(self, kind: str) -> int:
        """How often a job of this kind is tried if its runs fail."""
        own = self.kinds[kind].attempts if kind in self.kinds else None
        return own or self.attempts

    @property
    def link_lifetime(self) -> timedelta:
        """How long a link to a result is valid; SigV4 allows at most seven days."""
        return min(length_of_time(self.link_expires), timedelta(days=7))

    @property
    def longest_wait(self) -> timedelta:
        """When a job that has not ended counts as stuck."""
        return length_of_time(self.stuck_after)


def job_table(kind: str) -> str:
    """What the ledger has as the table of jobs of this kind."""
    return f"{JOB_TABLE}{kind}"


def kind_of_table(table: str) -> str | None:
    """The kind of job that this `table` of the ledger stands for; None if it is a table."""
    return table.removeprefix(JOB_TABLE) if table.startswith(JOB_TABLE) else None


def job_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """What must hold between `jobs` and the queues, by the file's own values."""
    queues = values.get("queues")
    listed = [one for one in queues if isinstance(one, dict)] if isinstance(queues, list) else []
    of_jobs = [index for index, one in enumerate(listed) if one.get("source") == "jobs"]
    for index in of_jobs[1:]:
        yield Fault(("queues", index, "source"), "another queue has the jobs already; keep one of them")
    jobs = values.get("jobs")
    if of_jobs and jobs is None:
        text = "there are no `jobs`; add them, if only as `jobs: {}`, or remove `source`"
        yield Fault(("queues", of_jobs[0], "source"), text)
    if jobs is not None and not of_jobs:
        yield Fault(("jobs",), "no queue brings them; give one of `queues` `source: jobs`")
    names = {listed[index].get("name") for index in of_jobs}
    tables = values.get("tables")
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        if isinstance(table, dict) and isinstance(queue := table.get("queue"), str) and queue in names:
            yield Fault(("tables", index, "queue"), "this queue brings jobs, not objects; name another queue")
    yield from _kind_faults(jobs if isinstance(jobs, dict) else {})


def _kind_faults(jobs: Mapping[str, Any]) -> Iterator[Fault]:
    built_in = jobs.get("built_in")
    for index, name in enumerate(built_in if isinstance(built_in, list) else []):
        if name not in BUILT_IN_KINDS:
            text = f"no such kind; the built-in ones are {', '.join(BUILT_IN_KINDS)}"
            yield Fault(("jobs", "built_in", index), text)
    kinds = jobs.get("kinds")
    for name in kinds if isinstance(kinds, dict) else ():
        if name in BUILT_IN_KINDS:
            yield Fault(("jobs", "kinds", name), "a built-in kind has this name; choose another")
