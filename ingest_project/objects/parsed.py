"""What every format's reader gives: the rows of several bodies in one frame, and how many belong to each."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Parsed:
    """`frame` holds the rows of the first body, then those of the second, and so on; `rows` counts them per body."""

    frame: pl.DataFrame
    rows: tuple[int, ...]
