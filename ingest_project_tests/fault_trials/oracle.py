"""The judge: compares what is in a table, a ledger and a queue with what the workload says must be there.

It knows the project only by what it leaves behind. A row says which write it came from and which number it
had in it, so a row that is missing, there twice, or there under another write's version is told apart from
every other.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ingest_project_tests.fault_trials.workload import Write

FOREIGN = "foreign://"
"""What the source of every row of another writer begins with."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one write as an independent reader counts them under one source and version."""

    uri: str
    version: str
    write: str
    rows: int
    distinct_rows: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """The lines of one write that the quarantine holds, as often as it holds them."""

    uri: str
    version: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the ledger says of one object version."""

    state: str
    rows: int | None
    error_class: str | None
    rejected_rows: int = 0


@dataclass(slots=True)
class Expected:
    """What must come out of a trial.

    `choices` holds, for each key, the sets of writes of which exactly one must be in the table: one set where
    the policy alone decides, several where the order of arrival may. Of the keys in `open_keys` the ledger
    may not know the writes that were not chosen. `failed` are the writes that must have failed, with their
    error class, and whose messages stay in the queue. `foreign_rows` are rows of other writers.
    """

    choices: dict[str, list[frozenset[Write]]] = field(default_factory=dict)
    open_keys: set[str] = field(default_factory=set)
    failed: dict[Write, str] = field(default_factory=dict)
    foreign_rows: int = 0

    def all_of(self, writes: Iterable[Write]) -> None:
        """Each of these writes must be in the table."""
        for write in writes:
            known = self.choices.get(write.key, [frozenset()])
            self.choices[write.key] = [chosen | {write} for chosen in known]

    def one_of(self, key: str, writes: Iterable[Write]) -> None:
        """Exactly one of these writes of the key must be in the table."""
        self.choices[key] = [frozenset({write}) for write in writes]

    def either(self, key: str, writes: Iterable[Write]) -> None:
        """The same, and the others may never come to be known: they are one write under several versions."""
        self.one_of(key, writes)
        self.open_keys.add(key)

    def is_known(self, versions: Collection[tuple[str, str]]) -> bool:
        """Whether all that must be known is among these, each a uri and a version."""
        known = all(
            (any if key in self.open_keys else all)(_are_known(chosen, versions) for chosen in choices)
            for key, choices in self.choices.items()
        )
        return known and _are_known(self.failed, versions)


def _are_known(writes: Iterable[Write], versions: Collection[tuple[str, str]]) -> bool:
    return all((write.uri, write.version) in versions for write in writes)


@dataclass(slots=True)
class Verdict:
    """What is wrong: rows lost, duplicated, or of a write that must not be there; and whatever did not come
    to rest.

    `untrue` is what Dagster says that is not so, or does not say although it is.
    """

    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    stuck: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicated or self.wrong or self.stuck or self.untrue)

    def faults(self) -> int:
        return self.lost + self.duplicated + self.wrong + len(self.stuck) + len(self.untrue)


def judge_rows(expected: Expected, found: Iterable[Found], set_aside: Iterable[SetAside] = ()) -> Verdict:
    """Compare the rows of table and quarantine with the expected ones, key by key, by the best match."""
    verdict = Verdict()
    by_uri: dict[str, list[Found]] = {}
    bad_by_uri: dict[str, list[SetAside]] = {}
    for bad in set_aside:
        bad_by_uri.setdefault(bad.uri, []).append(bad)
    foreign_rows = 0
    for one in found:
        if one.uri.startswith(FOREIGN):
            foreign_rows += one.rows
            verdict.duplicated += one.rows - one.distinct_rows
        else:
            by_uri.setdefault(one.uri, []).append(one)
    for choices in expected.choices.values():
        uri = next((write.uri for chosen in choices for write in chosen), None)
        rows = [] if uri is None else by_uri.pop(uri, [])
        bad_rows = [] if uri is None else bad_by_uri.pop(uri, [])
        _add(verdict, min((_judge_key(chosen, rows, bad_rows) for chosen in choices), key=Verdict.faults))
    for uri, bad_rows in bad_by_uri.items():
        verdict.wrong += sum(len(one.lines) for one in bad_rows)
        verdict.details.append(f"{uri} must not be in quarantine, and {bad_rows} is")
    for uri, rows in by_uri.items():
        verdict.wrong += sum(one.rows for one in rows)
        verdict.details.append(f"{uri} must not be in the table, and {rows} is")
    if foreign_rows < expected.foreign_rows:
        verdict.lost += expected.foreign_rows - foreign_rows
        verdict.details.append(f"{expected.foreign_rows} foreign rows expected, {foreign_rows} found")
    elif foreign_rows > expected.foreign_rows:
        verdict.duplicated += foreign_rows - expected.foreign_rows
        verdict.details.append(f"{expected.foreign_rows} foreign rows expected, {foreign_rows} found")
    return verdict


def judge_ledger(
    expected: Expected, recorded: Mapping[tuple[str, str], Recorded], found: set[tuple[str, str]]
) -> Verdict:
    """Compare the ledger with the same expectation.

    `recorded` is by uri and version, and `found` has those of the writes in the table or its quarantine.
    """
    verdict = Verdict()
    for key, choices in expected.choices.items():
        for write in frozenset().union(*choices):
            known = recorded.get((write.uri, write.version))
            is_found = (write.uri, write.version) in found
            told = known and (known.state, known.rows, known.rejected_rows)
            if known is None and key in expected.open_keys and not is_found:
                continue
            if known is None:
                verdict.stuck.append(f"{write.name} is unknown to the ledger")
            elif is_found and told != ("committed", write.rows, len(write.bad_lines)):
                verdict.stuck.append(
                    f"{write.name} has {write.rows} rows in the table and {len(write.bad_lines)} in "
                    f"quarantine, and the ledger says {known}"
                )
            elif not is_found and known.state == "committed" and (known.rows or known.rejected_rows):
                verdict.stuck.append(f"{write.name} is not in the table, and the ledger says {known}")
    for write, error_class in expected.failed.items():
        known = recorded.get((write.uri, write.version))
        if known is None or (known.state, known.error_class) != ("failed", error_class):
            verdict.stuck.append(
                f"{write.name} must have failed as {error_class}, and the ledger says {known}"
            )
    return verdict


def _judge_key(chosen: frozenset[Write], rows: list[Found], bad_rows: list[SetAside]) -> Verdict:
    verdict = _judge_set_aside(chosen, bad_rows)
    wanted = {(write.version, write.name): write for write in chosen}
    for one in rows:
        write = wanted.pop((one.version, one.write), None)
        if write is None:
            verdict.wrong += one.rows
            verdict.details.append(f"no row of {one.write} may be there under version {one.version}: {one}")
            continue
        verdict.duplicated += one.rows - one.distinct_rows
        verdict.lost += max(write.rows - one.distinct_rows, 0)
        verdict.wrong += max(one.distinct_rows - write.rows, 0)
        if one.rows != one.distinct_rows or one.rows != write.rows:
            verdict.details.append(f"{write.name} has {write.rows} rows: {one}")
    for write in wanted.values():
        verdict.lost += write.rows
        if write.rows:
            verdict.details.append(f"{write.name} with {write.rows} rows is missing")
    return verdict


def _judge_set_aside(chosen: frozenset[Write], bad_rows: list[SetAside]) -> Verdict:
    verdict = Verdict()
    wanted = {write.version: write for write in chosen}
    for one in bad_rows:
        write = wanted.pop(one.version, None)
        lines, bad_lines = set(one.lines), frozenset() if write is None else write.bad_lines
        verdict.wrong += len(lines - bad_lines)
        verdict.lost += len(bad_lines - lines)
        verdict.duplicated += len(one.lines) - len(lines)
        if lines != bad_lines or len(one.lines) != len(lines):
            verdict.details.append(f"{one.uri} must have lines {sorted(bad_lines)} in quarantine: {one}")
    for write in wanted.values():
        verdict.lost += len(write.bad_lines)
        if write.bad_lines:
            verdict.details.append(
                f"{write.name}'s lines {sorted(write.bad_lines)} are missing in quarantine"
            )
    return verdict


def _add(verdict: Verdict, other: Verdict) -> None:
    verdict.lost += other.lost
    verdict.duplicated += other.duplicated
    verdict.wrong += other.wrong
    verdict.stuck += other.stuck
    verdict.untrue += other.untrue
    verdict.details += other.details
