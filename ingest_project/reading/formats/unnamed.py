"""Names the columns of a file that have no name of their own."""

from collections.abc import Iterable


def named_by_place(written: Iterable[str]) -> list[str]:
    """The names; one that is empty or has only whitespace is `column_3` by its place, from 1."""
    return [name if name.strip() else f"column_{place}" for place, name in enumerate(written, start=1)]
