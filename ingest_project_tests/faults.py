"""Where a run dies or freezes: hooks around the two calls to the ledger that decide."""

from collections.abc import Callable, Collection

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchOutcome, RowsToReplace

Hook = Callable[[], object]


class Killed(BaseException):
    """The run's process ends here; the project does not catch it."""


def die() -> None:
    raise Killed


def go_on() -> None:
    """The hook that does nothing."""


class HookedLedger(Ledger):
    """Another connection to a ledger, whose user can be killed or frozen around the two calls that decide."""

    def __init__(
        self,
        url: str,
        *,
        before_confirm: Hook = go_on,
        after_confirm: Hook = go_on,
        before_settle: Hook = go_on,
    ) -> None:
        super().__init__(url)
        self._before_confirm = before_confirm
        self._after_confirm = after_confirm
        self._before_settle = before_settle

    def confirm(self, batch_id: str, *, run_id: str, object_ids: Collection[str]) -> RowsToReplace | None:
        self._before_confirm()
        replaced = super().confirm(batch_id, run_id=run_id, object_ids=object_ids)
        self._after_confirm()
        return replaced

    def settle(self, batch_id: str, *, run_id: str, outcome: BatchOutcome) -> int:
        self._before_settle()
        return super().settle(batch_id, run_id=run_id, outcome=outcome)


def once(hook: Hook) -> Hook:
    """A hook that acts the first time only: a run asks again before each attempt to commit."""
    hooks = [hook]

    def act() -> None:
        if hooks:
            hooks.pop()()

    return act
