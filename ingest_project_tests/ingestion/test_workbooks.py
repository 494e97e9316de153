"""Workbooks in a batch: good rows in the table, bad ones in its quarantine, large sheets in pieces."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ingest_project.reading import format_options as options_module
from ingest_project.reading.limits import Limits, PieceLimits, PortionLimits
from ingest_project_tests.factories import Zone, order_key
from ingest_project_tests.reading.formats.excel.workbooks import by_hand, error, row, workbook

COLUMNS = {"order_id": "long", "amount": "decimal(12,2)", "at": {"type": "timestamp"}, "note": "string"}
EXCEL = {"skip_rows": 1, "null_values": ["-"]}


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws).declare(format="excel", excel=EXCEL, columns=COLUMNS, suffix="")


def test_good_rows_come_in_and_bad_ones_lie_in_the_quarantine(zone: Zone) -> None:
    at = datetime(2026, 11, 20, 10, 30)  # noqa: DTZ001
    zone.put(
        order_key("a"),
        by_hand(
            row("Orders"), row("order_id", "amount", "at", "note"), row(1, 0.1, at, "-"),
            row(2, error("#N/A"), at, "x"), row("three", 1, None, None),
        ),
    )  # fmt: skip
    zone.put(
        order_key("b"), workbook(["Orders"], ["order_id", "amount", "at"], [4, 12.5, date(2026, 11, 21)])
    )
    zone.put(order_key("c"), b"not a workbook")

    zone.ingest_one()

    found = zone.rows().sort("order_id").select("order_id", "amount", "at", "note").rows()
    assert found == [
        (1, Decimal("0.10"), at, None),
        (4, Decimal("12.50"), datetime(2026, 11, 21), None),  # noqa: DTZ001
    ]
    assert zone.rejected() == {
        order_key("a"): [
            "column 'amount': its cell is #N/A",
            "column 'order_id': 'three' is not a valid long",
        ]
    }


def test_a_large_sheet_comes_in_piece_by_piece(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = PortionLimits(content_bytes=1000, piece=PieceLimits(piece_bytes=100_000, record_bytes=10_000))
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=limits))
    rows = ([place, place / 4, None, f"note {place}"] for place in range(5000))
    zone.put(order_key("a"), workbook(["Orders"], ["order_id", "amount", "at", "note"], *rows))

    zone.ingest_one()

    assert zone.rows()["order_id"].sort().to_list() == list(range(5000))
