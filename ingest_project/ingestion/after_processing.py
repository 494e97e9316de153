"""Does what `after` says to objects whose rows are in the table and whose messages are deleted.

The last step of an object's journey. The ledger says what is due. A run does it after it has deleted the
messages, and every tick does what is left, so a crash anywhere is finished by the next tick.
"""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from ingest_project.errors import ObjectError
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ActionState, AfterRule
from ingest_project.ledger.source_actions import ActionResult, SourceAction
from ingest_project.settings.model import TableSettings
from ingest_project.sources.s3.source_objects import SourceObjects

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Actions between two records in the ledger: a crash repeats at most so many, without further effect."""
WORKERS = 16
LONGEST_SECONDS = 10.0
"""A tick has more to do: what is left after this time is done by the next one."""


def after_rule(table: TableSettings) -> AfterRule | None:
    """What is done to the table's objects, for the ledger; None: they stay as they are."""
    after = table.after
    if after.kind is None:
        return None
    detail = json.dumps(after.tag, sort_keys=True, ensure_ascii=False) if after.tag else after.move
    return AfterRule(after.kind, detail, table.prefix, after.with_bad_rows)


def after_processing(
    ledger: Ledger, objects: SourceObjects, queue: str, *, seconds: float = LONGEST_SECONDS
) -> int:
    """Do what is due for objects of the queue, for about so long; returns how many are done.

    What S3 refuses is recorded with its reason and tried again later. Raises LedgerUnavailable.
    """
    until = time.monotonic() + seconds
    done = 0
    while due := ledger.due_actions(queue, limit=AT_ONCE):
        with ThreadPoolExecutor(min(WORKERS, len(due)), thread_name_prefix="after") as pool:
            results = list(pool.map(lambda action: _do(objects, action), due))
        ledger.actions_ended(results)
        _log(queue, due, results)
        done += sum(one.state is ActionState.DONE for one in results)
        if len(due) < AT_ONCE or time.monotonic() > until:
            break
    return done


def _do(objects: SourceObjects, action: SourceAction) -> ActionResult:
    try:
        if action.action == "tag":
            acted = objects.tag(action.object, action.tags)
        elif action.action == "move":
            acted = objects.move(action.object, action.detail or "", action.object_id)
        else:
            acted = objects.delete(action.object)
    except ObjectError as error:
        return ActionResult(action.object_id, ActionState.DUE, str(error))
    state = ActionState.DONE if acted.done else ActionState.SKIPPED
    return ActionResult(action.object_id, state, acted.reason)


def _log(queue: str, actions: list[SourceAction], results: list[ActionResult]) -> None:
    """One line for what failed, and one for what is not done, each with the first reason."""
    for state, said in (
        (ActionState.DUE, "failed and are tried again"),
        (ActionState.SKIPPED, "are not done"),
    ):
        found = [
            (action, result) for action, result in zip(actions, results, strict=True) if result.state is state
        ]
        if found:
            action, result = found[0]
            log.warning(
                "queue %s: %d actions after ingest %s; first: %s of %r: %s",
                queue, len(found), said, action.action, action.object.uri, result.reason,
            )  # fmt: skip
