"""What a guard of exactly-once is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """Lines that protect against a fault: `removed` maps text of a file to its text without the guard."""

    fault: str
    test: str
    file: str
    removed: dict[str, str]
