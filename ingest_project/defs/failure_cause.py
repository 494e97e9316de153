"""Why a run failed: the class and the reason of our own failures; of any other exception only its type."""

from collections.abc import Sequence

import dagster as dg


def failure_cause(step_failures: Sequence[dg.DagsterEvent], message: str | None) -> tuple[str, str]:
    """Error class and reason, by the run's failed steps or, if none failed, by the run's own message.

    The texts of unexpected exceptions may contain secrets, and are only in the run's log.
    """
    for event in step_failures:
        failed = event.step_failure_data
        if failed.user_failure_data is not None:
            told = failed.user_failure_data.metadata.get("error_class")
            error_class = str(told.value) if told is not None else "unknown"
            return error_class, failed.user_failure_data.description or "no reason was given"
        error = (failed.error.cause or failed.error) if failed.error else None
        name = error.cls_name if error is not None else None
        return "unknown", f"{name or 'an unknown fault'} in step {event.step_key}; see the run's log"
    lines = (message or "").strip().splitlines()
    return "unknown", lines[0] if lines else "the run ended without a message"


def cause_of_run(instance: dg.DagsterInstance, run_id: str) -> tuple[str, str]:
    """The same for a run that has ended, from its log."""
    types = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    records = instance.get_records_for_run(run_id, of_type=types).records
    events = [event for one in records if (event := one.event_log_entry.dagster_event) is not None]
    failed = [one for one in events if one.event_type == dg.DagsterEventType.STEP_FAILURE]
    ended = next((one.message for one in events if one.event_type == dg.DagsterEventType.RUN_FAILURE), None)
    return failure_cause(failed, ended)
