"""The calls of a process to AWS and the ledger, numbered: it dies after one, and calls nothing more."""

import threading
from collections.abc import Callable
from typing import Any

import boto3

from ingest_project.ledger.ledger import Ledger
from ingest_project.services import Services
from ingest_project.settings.model import AwsSettings, Settings
from ingest_project.sources.aws import Aws
from ingest_project_tests.faults import Killed


class Steps:
    """Counts the calls. A process dies when a call was done, before it knows of it.

    It stays dead: what it would call while it unwinds reaches nobody.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._dies_at: int | None = None
        self._is_dead = False
        self._lock = threading.Lock()

    def start(self, *, dies_at: int | None = None) -> None:
        """A process starts, which will die after the call of this number, from 0."""
        self.names, self._dies_at, self._is_dead = [], dies_at, False

    def before(self) -> None:
        """Raises Killed if the process is dead."""
        if self._is_dead:
            raise Killed

    def after(self, name: str) -> None:
        """Raises Killed if the process dies here."""
        with self._lock:
            self._is_dead = self._is_dead or len(self.names) == self._dies_at
            self.names.append(name)
        self.before()


class SteppedLedger:
    """A ledger whose every method is a call. `filtered` has functions for the results of some."""

    def __init__(self, ledger: Ledger, steps: Steps) -> None:
        self._ledger, self._steps = ledger, steps
        self.filtered: dict[str, Callable[[Any], Any]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ledger, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._steps.before()
            result = self.filtered.get(name, _as_it_is)(method(*arguments, **named))
            self._steps.after(name)
            return result

        return call if callable(method) else method


def _as_it_is(result: Any) -> Any:
    return result


class SteppedAws(Aws):
    """AWS whose every call of boto3 is a step; what is received is told to `on_receive`, and never waits."""

    def __init__(self, endpoint: str, steps: Steps, on_receive: Callable[[Any], object]) -> None:
        super().__init__(AwsSettings(endpoint_url=endpoint))
        events: Any = self.session.events
        events.register("before-call", lambda **_: steps.before())
        events.register("after-call", lambda model, **_: steps.after(model.name))
        events.register("provide-client-params.sqs.ReceiveMessage", _without_waiting)
        events.register_first("after-call.sqs.ReceiveMessage", lambda parsed, **_: on_receive(parsed))


def _without_waiting(params: dict[str, Any], **_: Any) -> dict[str, Any]:
    return params | {"WaitTimeSeconds": 0}


def services_of(aws: Aws, ledger: object) -> Callable[[Settings], Services]:
    """What a process makes its services with, so that it has this AWS and this ledger."""

    class SteppedServices(Services):
        def __init__(self, settings: Settings) -> None:
            super().__init__(settings)
            self.aws = aws
            self.ledger = ledger  # type: ignore[assignment]

    return SteppedServices


class Held:
    """What a dead process has received, which its visibility timeout would show again."""

    def __init__(self, endpoint: str) -> None:
        self._sqs = boto3.client("sqs", endpoint_url=endpoint)
        self._handles: list[str] = []

    def note(self, parsed: Any) -> None:
        self._handles += [one["ReceiptHandle"] for one in parsed.get("Messages", ())]

    def show_again(self, url: str) -> None:
        """The timeout is over."""
        handles, self._handles = self._handles, []
        for handle in handles:
            try:
                self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
            except self._sqs.exceptions.ClientError:
                continue  # it is deleted
