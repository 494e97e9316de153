"""Cuts out the text of each row of NDJSON, for the bad ones."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ingest_project.reading.formats.interface import Text
from ingest_project.reading.formats.json.ndjson import LF, WHITESPACE, records_of, without_marks
from ingest_project.reading.record import RowTexts
from ingest_project.reading.values.json_texts import VALUE

BLANK = ord(" ")


def texts_of(text: Text, rows: int) -> RowTexts:
    """The text of each of so many rows, as the file has it: its line or, if that has several objects, its
    object.
    """
    lines = _FullLines(without_marks(text.body))
    if len(lines) == rows:
        return RowTexts(lines)
    texts: list[bytes] = []
    for one, count in chain.from_iterable(map(records_of, lines)):
        texts += map(bytes, VALUE.decode_lines(one)) if count > 1 else [one]
    return RowTexts(texts)


class _FullLines(Sequence[bytes]):
    """The lines of a body that are not blank. A line is cut out when it is asked for: mostly few are."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        text = np.frombuffer(body, np.uint8)
        ends = np.append(np.flatnonzero(text == LF), len(text))
        starts = np.append(0, ends[:-1] + 1)
        starts, ends = starts[starts < ends], ends[starts < ends]
        blank = [
            place
            for place in np.flatnonzero(text[starts] <= BLANK)
            if not body[starts[place] : ends[place]].strip(WHITESPACE)
        ]
        self._starts, self._ends = np.delete(starts, blank), np.delete(ends, blank)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, place: Any) -> Any:
        return self._body[self._starts[place] : self._ends[place]]
