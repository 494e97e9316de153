"""Which spelling of a field's name counts if `case_insensitive: true` lets files write it in any case.

Names are compared by Unicode's case folding (`str.casefold`). This applies only to the fields of a row: the
names of fields within objects, and the keys of maps, stay as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Spelling:
    """The one spelling of each name: `by_fold` has it by the name's case folding."""

    by_fold: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The spelling that counts for this name; the name itself if there is no other."""
        return self.by_fold.get(name.casefold(), name)

    def with_names(self, names: Iterable[str]) -> "Spelling":
        """The same with a spelling for each new name: the one that comes first here."""
        found = dict(self.by_fold)
        for name in names:
            found.setdefault(name.casefold(), name)
        return replace(self, by_fold=found)


class NamesInAnyCase:
    """A set of names in which case does not count."""

    def __init__(self, names: Iterable[str]) -> None:
        self._folded = frozenset(name.casefold() for name in names)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.casefold() in self._folded
