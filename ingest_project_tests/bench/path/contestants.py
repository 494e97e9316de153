"""Who brings objects from S3 into an Iceberg table."""

from dataclasses import dataclass

from ingest_project_tests.bench.rounds import PROJECT

PACKAGE = "ingest_project_tests.bench.path"
BY_HAND = "loop by hand"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A contestant's name, and its function as `module:function`, which is given an `Asked`."""

    name: str
    runs: str


CONTESTANTS = (
    Contestant(PROJECT, f"{PACKAGE}.project:run"),
    Contestant("obstore + Polars + append", f"{PACKAGE}.rivals:by_polars"),
    Contestant("obstore + DuckDB + append", f"{PACKAGE}.rivals:by_duckdb"),
    Contestant(BY_HAND, f"{PACKAGE}.by_hand:run"),
)
