"""Who asks, and what they may ask for."""

import re
from dataclasses import dataclass, field
from typing import Final

ALL_SCOPES: Final = frozenset({"job:*", "table:*", "jobs:read_all", "jobs:cancel_all", "metrics"})
SCOPE = re.compile(
    r"job:(\*|[a-z][a-z0-9_]{0,62})|table:(\*|[A-Za-z_][A-Za-z0-9_.]{0,250})"
    r"|jobs:read_all|jobs:cancel_all|metrics"
)


@dataclass(frozen=True, slots=True)
class Requester:
    """A program or a person, by the name that the ledger records with each job."""

    name: str
    scopes: frozenset[str] = field(default=frozenset())

    def may_ask_for(self, kind: str) -> bool:
        """Whether this requester may submit jobs of this kind."""
        return self._has("job", kind)

    def may_use(self, table: str) -> bool:
        """Whether the jobs of this requester may have this table in their input."""
        return self._has("table", table)

    @property
    def reads_all(self) -> bool:
        """Whether this requester sees the jobs of others."""
        return "jobs:read_all" in self.scopes

    @property
    def cancels_all(self) -> bool:
        """Whether this requester may cancel the jobs of others."""
        return "jobs:cancel_all" in self.scopes

    @property
    def reads_metrics(self) -> bool:
        return "metrics" in self.scopes

    def _has(self, what: str, name: str) -> bool:
        return f"{what}:*" in self.scopes or f"{what}:{name}" in self.scopes


ANYBODY: Final = Requester("anonymous", ALL_SCOPES)
"""Who asks an API that is open."""
