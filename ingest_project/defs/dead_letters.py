"""Jobs for people, from the launchpad: what lies in the dead-letter queues and why, and moving it back.

They do the same as `ingest dlq` and `ingest redrive`. Like the other operations, they refuse a typing error
without failing. A redrive that left wanted messages in the DLQ fails, so that somebody learns of it.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from ingest_project.defs.jobs import failure
from ingest_project.defs.record_table import Cell, record_table
from ingest_project.errors import IngestError
from ingest_project.services import Services

if TYPE_CHECKING:
    from ingest_project.ingestion.dead_letters.dead_letter_queue import DeadLetterQueue
    from ingest_project.ingestion.dead_letters.letter import DeadLetter, Wanted
    from ingest_project.ingestion.dead_letters.results import Look, Redriven

LETTER_COLUMNS = ("queue", "what", "why", "age", "sent", "receives", "message", "original")
REDRIVE_COLUMNS = (
    "queue", "moved", "already_ingested", "kept", "of_others", "refused", "undeleted", "what",
)  # fmt: skip


class LettersConfig(dg.Config):
    """Which messages: those that match all fields that are not empty."""

    queue: str | None = Field(
        default="", description="The queue's name in the settings. Empty: every queue that has a DLQ."
    )
    reason: str | None = Field(
        default="", description="A text in the reason why the message is there, in any case. Empty: any."
    )
    error_class: str | None = Field(
        default="",
        description="Messages with an object that failed with this class, such as missing or unreadable, see "
        "docs/errors.md. Empty: all.",
    )
    older_than: str | None = Field(
        default="", description="Sent longer ago than this: 90s, 15m, 12h, 2d. Empty: of any age."
    )
    objects: list[str] = Field(
        default=[],
        description='["orders/*", "s3://bucket/key", ...]: messages that name such an object: keys, URIs, or '
        "globs with * and ?. Empty: all.",
    )


class LookConfig(LettersConfig):
    """Which messages to show."""

    limit: int = Field(
        default=100, ge=1, le=1_000, description="How many messages of each DLQ to look at, 1 to 1000."
    )


class RedriveConfig(LettersConfig):
    """Which messages to move back to their queue."""

    rate: float = Field(
        default=0, ge=0, description="The most messages that are sent in a second. 0: no limit."
    )
    dry_run: bool = Field(
        default=True,
        description="Whether to only count what would be moved and deleted. Set it to false to move.",
    )


@dg.op(description="Show what lies in dead-letter queues and why, without consuming it.")
def look_at_dlq(
    context: dg.OpExecutionContext, config: LookConfig, services: dg.ResourceParam[Services]
) -> None:
    """Show messages, the oldest first."""
    from ingest_project.reports.dead_letters import look_lines, remark

    try:
        wanted, queues = _asked(config, services)
        looks = [one.look(wanted, limit=config.limit) for one in queues]
    except ValueError as error:
        _refuse(context, str(error))
        return
    except IngestError as error:
        raise failure(error) from None
    for look in looks:
        _warn(context, remark(look))
        context.log.info(" ".join(look_lines(look)))
    now = datetime.now(UTC)
    shown = [_letter_record(look, one, now) for look in looks for one in look.letters]
    context.add_output_metadata(
        {
            "messages": sum(look.messages for look in looks),
            "shown": len(shown),
            "letters": record_table(LETTER_COLUMNS, shown),
        }
    )


@dg.op(description="Move messages from dead-letter queues back to their queues.")
def redrive(
    context: dg.OpExecutionContext, config: RedriveConfig, services: dg.ResourceParam[Services]
) -> None:
    """Move what is wanted; what is ingested already is deleted instead."""
    from ingest_project.reports.dead_letters import redrive_lines, remark

    all_done: list[Redriven] = []
    try:
        wanted, queues = _asked(config, services)
        for one in queues:
            done = one.redrive(wanted, rate=config.rate or None, dry_run=config.dry_run)
            _warn(context, remark(done))
            for line in redrive_lines(done):
                context.log.info(line)
            all_done.append(done)
    except ValueError as error:
        _refuse(context, str(error))
        return
    except IngestError as error:
        raise failure(error) from None
    told: dict[str, Any] = {
        "moved": sum(done.moved for done in all_done),
        "already_ingested": sum(done.already_ingested for done in all_done),
        "dry_run": config.dry_run,
        "queues": record_table(REDRIVE_COLUMNS, map(_redrive_record, all_done)),
    }
    if not config.dry_run and any(done.failed or done.stopped for done in all_done):
        said = " ".join(line for done in all_done for line in redrive_lines(done))
        raise dg.Failure(description=said, metadata=told, allow_retries=False)
    context.add_output_metadata(told)


@dg.job(executor_def=dg.in_process_executor, description="Show what lies in dead-letter queues and why.")
def dlq_look() -> None:
    """`ingest dlq` from the launchpad."""
    look_at_dlq()


@dg.job(executor_def=dg.in_process_executor, description="Move messages from dead-letter queues back.")
def dlq_redrive() -> None:
    """`ingest redrive` from the launchpad."""
    redrive()


def dlq_jobs() -> list[dg.JobDefinition]:
    """The jobs on dead-letter queues that a person launches."""
    return [dlq_look, dlq_redrive]


def _asked(config: LettersConfig, services: Services) -> tuple["Wanted", list["DeadLetterQueue"]]:
    """The filter, and the DLQs. Raises ValueError for what a person should type differently."""
    from ingest_project.ingestion.dead_letters.letter import Wanted
    from ingest_project.settings.duration import parse_duration
    from ingest_project.settings.error_classes import ERROR_CLASSES

    known = [one.name for one in services.settings.queues]
    if config.queue and config.queue not in known:
        raise ValueError(f"`queue` is one of {', '.join(known)}.")
    if config.error_class and config.error_class not in ERROR_CLASSES:
        raise ValueError(f"`error_class` is one of {', '.join(ERROR_CLASSES)}.")
    try:
        older_than = parse_duration(config.older_than) if config.older_than else None
    except ValueError as error:
        raise ValueError(f"`older_than` is {error}.") from None
    wanted = Wanted(config.reason or None, config.error_class or None, older_than, tuple(config.objects))
    found = [services.dead_letters(name) for name in ([config.queue] if config.queue else known)]
    with_dlq = [one for one in found if one is not None]
    if not with_dlq:
        raise ValueError("No such queue has a DLQ; `ingest check` says how to get one.")
    return wanted, with_dlq


def _refuse(context: dg.OpExecutionContext, reason: str) -> None:
    context.log.warning(reason)
    context.add_output_metadata({"refused": reason})


def _warn(context: dg.OpExecutionContext, remark: str | None) -> None:
    if remark is not None:
        context.log.warning(remark)


def _letter_record(look: "Look", one: "DeadLetter", now: datetime) -> dict[str, Cell]:
    from ingest_project.reports.dead_letters import age, what_it_names, why_it_is_there

    return {
        "queue": look.queue, "what": what_it_names(one), "why": why_it_is_there(one), "age": age(one, now),
        "sent": one.sent_at, "receives": one.message.receive_count, "message": one.message_id,
        "original": one.original_id,
    }  # fmt: skip


def _redrive_record(done: "Redriven") -> dict[str, Cell]:
    from ingest_project.reports.dead_letters import redrive_lines

    return {
        "queue": done.queue, "moved": done.moved, "already_ingested": done.already_ingested,
        "kept": done.kept, "of_others": done.of_others, "refused": done.refused.total(),
        "undeleted": done.undeleted, "what": " ".join(redrive_lines(done)),
    }  # fmt: skip
