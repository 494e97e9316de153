"""What the codes of number formats say of a number: a date, a time, a duration, or just a number."""

import pytest

from ingest_project.reading.formats.excel.number_formats import shown_by


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("General", "number"),
        ("0.00", "number"),
        ("#,##0.00 [$€-407]", "number"),
        ('#,##0 "days"', "number"),
        ("0.00E+00", "number"),
        ("[Red]-0;[Blue]0", "number"),
        (r"0\d", "number"),
        ("@", "number"),
        ("0_d", "number"),
        ("yyyy-mm-dd", "date"),
        ("[$-409]d-mmm-yy;@", "date"),
        ("mmm", "date"),
        ("DD.MM.YYYY", "date"),
        ("m/d/yy h:mm", "datetime"),
        ("yyyy-mm-ddThh:mm:ss.000", "datetime"),
        ("h:mm AM/PM", "time"),
        ("mm:ss.0", "time"),
        ("[h]:mm:ss", "duration"),
        ("[mm]:ss", "duration"),
        ("0;yyyy", "number"),
    ],
)
def test_letters_of_days_and_clocks_outside_of_quotes_tell_a_date(code: str, shown: str) -> None:
    assert shown_by(code) == shown
