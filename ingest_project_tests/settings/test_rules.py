from pathlib import Path

import pytest

from ingest_project.settings.model import LedgerSettings
from ingest_project.settings.rules import ledger_faults, route_faults
from ingest_project_tests.settings.factories import MINIMAL, QUEUE_URL, problems_of, table


def is_refused(first: str, second: str) -> bool:
    tables = {0: table(first), 1: table(second, name="web.clicks")}
    return bool(list(route_faults(tables)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{prefix: orders/}", "{prefix: orders/}"),
        ("{prefix: orders/}", "{prefix: orders/2026/}"),
        ("{prefix: orders/2026/}", "{prefix: orders/}"),
        ("{prefix: orders/}", "{}"),
        ("{suffix: .json}", "{suffix: .ndjson.json}"),
        ("{prefix: orders/, suffix: .csv}", "{prefix: orders/}"),
        ("{prefix: orders/}", "{suffix: .csv}"),
    ],
)
def test_routes_that_one_object_could_match_both_are_refused(first: str, second: str) -> None:
    assert is_refused(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{prefix: orders/}", "{prefix: clicks/}"),
        ("{prefix: orders/, suffix: .csv}", "{prefix: orders/, suffix: .json}"),
        ("{prefix: orders/}", "{prefix: orders/, bucket: other-landing}"),
        ("{prefix: orders/}", "{prefix: orders/, queue: other}"),
        ("{prefix: orders/2025/}", "{prefix: orders/2026/}"),
    ],
)
def test_routes_that_no_object_can_match_both_are_accepted(first: str, second: str) -> None:
    assert not is_refused(first, second)


def test_an_overlap_is_reported_at_the_later_prefix_and_names_the_earlier_table(tmp_path: Path) -> None:
    text = MINIMAL + (
        "  - name: web.clicks\n    queue: landing\n    bucket: acme-landing\n    format: csv\n"
        "    prefix: clicks/\n"
    )

    (problem,) = problems_of(tmp_path, text)

    assert problem == (
        "13: tables[1].prefix: the route overlaps that of sales.orders (s3://acme-landing/*), so that an "
        "object could belong to both; make the prefixes or the suffixes exclude each other"
    )


def test_names_of_tables_are_unique_whatever_their_case(tmp_path: Path) -> None:
    text = MINIMAL + "  - {name: Sales.Orders, queue: landing, bucket: acme-other, format: csv}\n"

    (problem,) = problems_of(tmp_path, text)

    assert problem.startswith("9: tables[1].name: another table has this name")


def test_names_and_urls_of_queues_are_unique(tmp_path: Path) -> None:
    text = MINIMAL.replace("queues:\n", f"queues:\n  - name: landing\n    url: {QUEUE_URL}/\n")

    name, url = problems_of(tmp_path, text)

    assert name.startswith("4: queues[1].name: another queue has this name")
    assert url.startswith("5: queues[1].url: another queue has this URL")


def test_a_table_on_a_queue_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    text = MINIMAL.replace("queue: landing", "queue: lnding")

    assert problems_of(tmp_path, text) == ["6: tables[0].queue: no such queue; did you mean landing?"]


def test_an_unsound_queue_does_not_make_its_tables_queueless(tmp_path: Path) -> None:
    text = MINIMAL.replace(QUEUE_URL, "nowhere")

    (problem,) = problems_of(tmp_path, text)

    assert problem.startswith("3: queues[0].url: ")


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/db", "hunter2", "sqlite://", "sqlite:///:memory:", "sqlite:///"]
)
def test_a_ledger_that_processes_cannot_share_is_refused_without_repeating_its_url(url: str) -> None:
    (fault,) = ledger_faults(LedgerSettings(url=url))

    assert fault.path == ("ledger", "url")
    assert "hunter2" not in fault.text


@pytest.mark.parametrize("url", ["sqlite:///ledger.db", "postgresql://h/db", "postgresql+psycopg://h/db"])
def test_a_ledger_on_sqlite_or_postgresql_is_accepted(url: str) -> None:
    assert list(ledger_faults(LedgerSettings(url=url))) == []
