"""The targets of the reading: how long it may take beside another reader, or beside the plain content."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest_project_tests.bench.report.record import Reading, ReadingCase
from ingest_project_tests.bench.rounds import PROJECT, Ratio, ratio

ORDINARY = 3.0
"""What a healthy file may take, compared with its format's plain case."""
LOCK = "msgspec decodes under the interpreter's lock, so on one core; pyarrow.json uses all"
INFERENCE = "msgspec decodes under the interpreter's lock, by types that the first lines tell"
CSV = "fields are read as text, so that none changes, and are then cast"
PARQUET = (
    "half of it is pyarrow's reading; checks of its arrays, casts and the columns of the source are the rest"
)
BAD_JSON = "the lines are split to leave out the bad one, and decoded again if its value is of another kind"
BAD_CSV = "the body is divided into its rows to tell which is bad"
AVRO = "Python goes through the records to divide their unions; fastavro decodes what becomes JSON"
AVRO_BOUNDS = {
    "xz": "Python's decompression is most of it",
    "bzip2": "Python's decompression is most of it",
    "map": "Polars' reading of lists of records, as which maps are read, is more than half of it",
    "uuid": "its texts are three times as long as all others, and are checked by a pattern",
}
"""What bounds those whose names have these words."""
UNDECLARED = "the values of undeclared objects are taken apart one by one to find their types"
JSON_TEXT = "JSON text is decoded value by value"


@dataclass(frozen=True, slots=True)
class Target:
    """A case beside a reference, another case or another reader of the same one, and how long it may take."""

    case: str
    reference: str
    limit: float
    bounded_by: str
    contestant: str = PROJECT
    """Who reads the reference."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a target; `found` is None if it was not measured."""

    target: Target
    found: Ratio | None

    @property
    def is_met(self) -> bool:
        return self.found is not None and self.found.clock <= self.target.limit


OTHERS = (
    *(
        Target(f"ndjson{name}", f"ndjson{name}", limit, bound, "pyarrow")
        for name, limit, bound in (
            (", integers and texts", 1.5, LOCK), (", a decimal", 1.5, LOCK), (", escapes", 1.5, LOCK),
            (", a decimal and escapes", 1.5, LOCK), (", times", 1.5, LOCK), ("", 1.5, LOCK),
            (", nested and nulls", 2.0, LOCK), (", nothing declared", 2.5, INFERENCE),
        )
    ),
    Target("csv", "csv", 1.3, CSV, "Polars"),
    Target("parquet", "parquet", 1.3, PARQUET, "Polars"),
    Target("avro, a fifth of the rows", "avro, a fifth of the rows", 1.3, AVRO, "fastavro"),
    Target("avro, a fifth of the rows, map", "avro, a fifth of the rows, map", 1.3, AVRO, "fastavro"),
    Target(
        "avro, a fifth of the rows, fixed decimal", "avro, a fifth of the rows, fixed decimal", 1.3, AVRO,
        "fastavro",
    ),
)  # fmt: skip
"""Beside other readers."""
BAD_ROWS = {"one": 1.5, "1 %": 3.0}


def judged(reading: Reading) -> list[Judged]:
    """All targets of which the reading has a case."""
    known = {case.name for case in reading.cases}
    targets = [*(one for one in OTHERS if one.case in known), *_bad_rows(reading.cases)]
    return [Judged(one, _found(reading, one)) for one in targets]


def multiples(reading: Reading) -> list[Judged]:
    """Each healthy content beside the plain one of its format, the longest first."""
    healthy = [case for case in reading.cases if case.bad == "no" and case.reference != case.name]
    targets = [Target(case.name, case.reference, ORDINARY, _bound(case)) for case in healthy]
    found = [Judged(one, _found(reading, one)) for one in targets]
    return sorted(found, key=lambda one: -(one.found.clock if one.found else 0.0))


def _bad_rows(cases: Sequence[ReadingCase]) -> Iterator[Target]:
    for case in cases:
        if case.bad in BAD_ROWS:
            bound = BAD_CSV if case.format == "csv" else BAD_JSON
            yield Target(case.name, case.reference, BAD_ROWS[case.bad], bound)


def _bound(case: ReadingCase) -> str:
    if case.format == "avro":
        return next((bound for word, bound in AVRO_BOUNDS.items() if word in case.name), AVRO)
    return UNDECLARED if case.format == "ndjson" else JSON_TEXT


def _found(reading: Reading, target: Target) -> Ratio | None:
    return ratio(reading.results, (target.case, PROJECT), (target.reference, target.contestant))
