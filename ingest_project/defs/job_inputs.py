"""The kinds of jobs that users declare: their Dagster jobs, and how an input configures a run."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from ingest_project.errors import JobRefused, SettingsError
from ingest_project.ingestion.jobs.inputs import CheckOwn
from ingest_project.settings.job_settings import JobKindSettings
from ingest_project.settings.model import Settings

ENV_KEY = "env"
LONGEST_REASON = 500


def own_jobs(settings: Settings) -> dict[str, dg.JobDefinition]:
    """The Dagster jobs of `jobs.kinds`, by kind. Raises SettingsError if one cannot be imported."""
    kinds = settings.jobs.kinds if settings.jobs is not None else {}
    return {kind: _imported(kind, one) for kind, one in kinds.items()}


def own_input_check(settings: Settings) -> CheckOwn:
    """Checks inputs by the config schemas of the jobs of `jobs.kinds`, which are imported once."""
    jobs = own_jobs(settings)
    kinds = settings.jobs.kinds if settings.jobs is not None else {}

    def check(kind: str, given: Mapping[str, Any]) -> None:
        if fault := _variable_fault(given, "input"):
            raise JobRefused(fault, f"`{ENV_KEY}` would be replaced by a variable of the run's environment")
        try:
            dg.validate_run_config(jobs[kind], run_config(kinds[kind], given))
        except dg.DagsterInvalidConfigError as error:
            first = error.errors[0]
            path = [str(step.field_name) for step in first.stack.entries if hasattr(step, "field_name")]
            ours = path[3 if kinds[kind].op else 1 :]  # without ops, the op's name and config
            raise JobRefused(".".join(("input", *ours)), _told(first.message)) from None

    return check


def run_config(kind: JobKindSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """The run's config for an input: that of the kind's op, or of all ops."""
    return {"ops": {kind.op: {"config": dict(given)}} if kind.op else dict(given)}


def _imported(kind: str, declared: JobKindSettings) -> dg.JobDefinition:
    module, _, name = declared.job.partition(":")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        text = (
            f"jobs.kinds.{kind}.job: {module} cannot be imported ({error}); install it, or correct the name"
        )
        raise SettingsError([text]) from error
    if not isinstance(found, dg.JobDefinition):
        raise SettingsError([f"jobs.kinds.{kind}.job: {module} has no Dagster job {name}; correct the name"])
    if declared.op is not None and declared.op not in found.graph.node_dict:
        ops = ", ".join(found.graph.node_dict)
        raise SettingsError([f"jobs.kinds.{kind}.op: {declared.job} has no op {declared.op}; it has {ops}"])
    return found


def _variable_fault(value: Any, path: str) -> str | None:
    """The path of a value that Dagster would take from the environment; None if there is none."""
    if isinstance(value, dict) and set(value) == {ENV_KEY}:
        return path
    steps: Iterable[tuple[object, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        steps = enumerate(value)
    return next((fault for key, one in steps if (fault := _variable_fault(one, f"{path}.{key}"))), None)


def _told(message: str) -> str:
    """The first line of Dagster's message, which may quote the input."""
    line = message.strip().splitlines()[0] if message.strip() else "is not valid"
    return line[:LONGEST_REASON]
