"""Answers that are lost after the work was done, errors, throttling, slow and hung calls, cut connections."""

from ingest_project_tests.fault_trials.control import Action
from ingest_project_tests.fault_trials.proxy_rules import Effect
from ingest_project_tests.fault_trials.trial import Fault, NotReached, Trial


def on_call(
    name: str, operation: str, effect: Effect, *, times: int = 1, seconds: float = 0.0, deadline: float = 300
) -> Fault:
    """A fault of the network at the next calls of an operation."""

    def script(trial: Trial) -> None:
        rule = trial.proxy_rule(operation, effect, times=times, seconds=seconds)
        trial.land(12)
        trial.settle()
        trial.strikes += rule.hits
        if rule.hits == 0:
            raise NotReached(f"nobody called {operation}")

    return Fault(name, script, deadline_seconds=deadline)


def visibility(name: str, effect: Effect, times: int = 1) -> Fault:
    """A fault at the extension of visibility, which only a run that takes its time asks for."""

    def script(trial: Trial) -> None:
        rule = trial.proxy_rule("ChangeMessageVisibilityBatch", effect, times=times)
        trial.arm("after-fetch", Action.PAUSE, seconds=40)
        trial.land(12)
        trial.await_mark("after-fetch")
        trial.settle()
        trial.strikes += rule.hits
        if rule.hits == 0:
            raise NotReached("nobody extended a visibility timeout")

    return Fault(name, script)


def commit_answer_lost(trial: Trial) -> None:
    """The catalog commits, and its answer is lost: the next look must find the commit."""
    trial.arm("catalog-committed", Action.FAIL)
    trial.land()
    trial.await_mark("catalog-committed")
    trial.settle()


def commit_refused_unseen(trial: Trial) -> None:
    """The connection to the catalog fails before it commits."""
    trial.arm("before-catalog-commit", Action.FAIL)
    trial.land()
    trial.await_mark("before-catalog-commit")
    trial.settle()


NETWORK = (
    on_call("receive-answer-lost", "ReceiveMessage", Effect.LOSE_ANSWER, times=2),
    on_call("receive-5xx", "ReceiveMessage", Effect.SERVER_ERROR, times=4),
    on_call("receive-throttled", "ReceiveMessage", Effect.THROTTLE, times=5),
    on_call("receive-reset-mid-body", "ReceiveMessage", Effect.RESET_MID_BODY),
    on_call("receive-hangs", "ReceiveMessage", Effect.HANG, deadline=360),
    on_call("delete-answer-lost", "DeleteMessageBatch", Effect.LOSE_ANSWER, times=4),
    on_call("delete-5xx", "DeleteMessageBatch", Effect.SERVER_ERROR, times=7),
    on_call("delete-throttled", "DeleteMessageBatch", Effect.THROTTLE, times=4),
    on_call("delete-refused-for-some", "DeleteMessageBatch", Effect.REFUSE_SOME, times=9),
    on_call("delete-receipts-stale-for-some", "DeleteMessageBatch", Effect.STALE_RECEIPTS, times=2),
    on_call("delete-slow", "DeleteMessageBatch", Effect.SLOW, seconds=12),
    on_call("delete-hangs", "DeleteMessageBatch", Effect.HANG, deadline=360),
    visibility("visibility-answer-lost", Effect.LOSE_ANSWER),
    visibility("visibility-5xx", Effect.SERVER_ERROR, times=12),
    visibility("visibility-refused-for-some", Effect.STALE_RECEIPTS),
    on_call("get-5xx", "GetObject", Effect.SERVER_ERROR, times=6),
    on_call("get-5xx-for-long", "GetObject", Effect.SERVER_ERROR, times=40, deadline=360),
    on_call("get-throttled", "GetObject", Effect.THROTTLE, times=8),
    on_call("get-reset", "GetObject", Effect.RESET, times=4),
    on_call("get-reset-mid-body", "GetObject", Effect.RESET_MID_BODY, times=3),
    on_call("get-slow", "GetObject", Effect.SLOW, times=4, seconds=12),
    on_call("get-hangs", "GetObject", Effect.HANG, times=2, seconds=45, deadline=360),
    Fault("commit-answer-lost", commit_answer_lost),
    Fault("commit-connection-lost", commit_refused_unseen),
)
