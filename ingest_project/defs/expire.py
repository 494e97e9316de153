"""The job `expire_snapshots`, and the schedules that launch it.

Tables whose `expire` has the default `every` share the schedule `expire_snapshots`; a table with its own has
`<table>_expire`. What went is an observation of the table's asset, and of its quarantine's.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ingest_project.defs.jobs import failure
from ingest_project.errors import IngestError
from ingest_project.reports.expired import expiry_line
from ingest_project.services import Services
from ingest_project.settings.duration import parse_duration
from ingest_project.settings.expire_settings import EVERY
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    from ingest_project.iceberg.expiry.expire import Expired


# The launchpad shows only fields whose default is not null: an empty text or a zero means the table's own.
class ExpireConfig(dg.Config):
    """Which tables to expire, and what to keep instead of what their settings say."""

    tables: list[str] = Field(
        default=[], description="Names of the settings. Empty: all tables, except those with `expire: null`."
    )
    keep: int = Field(
        default=0, ge=0, description="Keep so many of the newest snapshots. 0: as the settings say."
    )
    min_age: str | None = Field(
        default="", description="Keep snapshots that are younger, like 7d. Empty: as the settings say."
    )
    dry_run: bool = Field(default=False, description="Whether to only count what would go.")


@dg.op(description="Expire old snapshots, and delete the files that only they reach.")
def expire(
    context: dg.OpExecutionContext, config: ExpireConfig, services: dg.ResourceParam[Services]
) -> None:
    """Expire the snapshots of tables, one after another. If some fail, the others are expired first."""
    known = {one.name: one for one in services.settings.tables}
    if unknown := sorted(set(config.tables) - set(known)):
        _refuse(context, f"The settings have no {', '.join(unknown)}; `tables` are of {', '.join(known)}.")
        return
    try:
        min_age = parse_duration(config.min_age) if config.min_age else None
    except ValueError as error:
        _refuse(context, f"`min_age` is {error}.")
        return
    chosen = config.tables or [name for name, one in known.items() if one.expire is not None]
    errors: list[IngestError] = []
    for name in chosen:
        try:
            for expired in services.expire.run(
                known[name], keep=config.keep or None, min_age=min_age, dry_run=config.dry_run
            ):
                _tell(context, expired, dry_run=config.dry_run)
        except IngestError as error:
            errors.append(error)
            context.log.warning(str(error))
    context.add_output_metadata({"tables": len(chosen), "failed": len(errors), "dry_run": config.dry_run})
    if errors:
        raise failure(errors[0]) from None


@dg.job(
    executor_def=dg.in_process_executor,
    description="Expire old snapshots of the tables, and delete the files that only they reach.",
)
def expire_snapshots() -> None:
    """`ingest expire` from the launchpad, and by schedule."""
    expire()


def expire_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule for all tables with the default `every`, and one for each other table that expires."""
    shared = [one for one in settings.tables if one.expire is not None and one.expire.every == EVERY]
    own = [one for one in settings.tables if one.expire is not None and one.expire.every != EVERY]
    return [
        *([_schedule("expire_snapshots", EVERY, shared)] if shared else []),
        *(
            _schedule("_".join([*one.asset_key, "expire"]), one.expire.every, [one])
            for one in own
            if one.expire is not None
        ),
    ]


def _schedule(name: str, every: str, tables: list[TableSettings]) -> dg.ScheduleDefinition:
    names = [one.name for one in tables]

    @dg.schedule(
        name=name,
        job=expire_snapshots,
        cron_schedule=every,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Expires old snapshots of {', '.join(names)} and of their quarantines.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            run_key=context.scheduled_execution_time.isoformat(),
            run_config={"ops": {"expire": {"config": {"tables": names}}}},
        )

    return schedule


def _tell(context: dg.OpExecutionContext, expired: "Expired", *, dry_run: bool) -> None:
    line = expiry_line(expired, dry_run=dry_run)
    context.log.info(line)
    if dry_run:
        return
    context.log_event(
        dg.AssetObservation(
            asset_key=dg.AssetKey(expired.table.split(".")), description=line, metadata=_metadata(expired)
        )
    )


def _metadata(expired: "Expired") -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "snapshots_expired": expired.snapshots,
        "snapshots_kept": expired.kept,
        "files_deleted": expired.file_count,
        "bytes_deleted": expired.size_bytes,
        **{f"{kind}_deleted": count for kind, count in expired.files.items()},
    }
    for name, time in (("newest_kept", expired.newest_kept), ("oldest_kept", expired.oldest_kept)):
        if time is not None:
            metadata[name] = dg.MetadataValue.timestamp(time)
    return metadata


def _refuse(context: dg.OpExecutionContext, reason: str) -> None:
    context.log.warning(reason)
    context.add_output_metadata({"refused": reason})
