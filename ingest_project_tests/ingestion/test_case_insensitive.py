"""`case_insensitive: true` from S3 to the table: all spellings are one column, in any order of files."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest_project.checks.deployment.finding import Level
from ingest_project.checks.deployment.tables import check_tables
from ingest_project.errors import CommitConflict, TableMismatch
from ingest_project.ingestion import write as batch_writer
from ingest_project.ingestion.intake import planning_rules
from ingest_project.ledger.replay import ReplaySelection
from ingest_project.reading import format_options as options_module
from ingest_project.reading.limits import Limits, PieceLimits, PortionLimits
from ingest_project_tests.factories import ORDERS, QUEUE, Zone, order_key
from ingest_project_tests.iceberg.odd_tables import column, edit_table

ONE_BY_ONE = PortionLimits(stored_bytes=31)
IN_PIECES = PortionLimits(
    stored_bytes=64, content_bytes=64, piece=PieceLimits(piece_bytes=64, record_bytes=10_000)
)


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws).declare(case_insensitive=True)


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def columns(zone: Zone) -> list[str]:
    return [*zone.lake_table().columns]


@pytest.mark.parametrize(
    ("limits", "first"),
    [(PortionLimits(), "Note"), (ONE_BY_ONE, "Note"), (IN_PIECES, "NOTE")],  # large ones are read last
    ids=["together", "one by one", "pieces"],
)
def test_a_new_column_is_one_whatever_files_and_batches_call_it(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, limits: PortionLimits, first: str
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=limits))
    zone.put(order_key("a"), lines({"ORDER_ID": 1, "Note": "a"}, {"Order_Id": 2, "note": "b"}) * 3)
    zone.put(order_key("b"), lines({"order_id": 3, "NOTE": "c"}) + b"broken\n")
    zone.ingest_one()
    assert columns(zone) == ["order_id", first]

    zone.put(order_key("c"), lines({"order_id": 4, "nOTE": "d", "Place": "x"}))
    zone.ingest_one()
    zone.put(order_key("d"), lines({"order_ID": 5, "place": "y"}))
    zone.ingest_one()

    zone.assert_exact(1, 1, 1, 2, 2, 2, 3, 4, 5)
    assert columns(zone) == ["order_id", first, "Place"]
    assert set(zone.rows().select("order_id", first, "Place").rows()) == {
        (1, "a", None), (2, "b", None), (3, "c", None), (4, "d", "x"), (5, None, "y")
    }  # fmt: skip


@pytest.mark.parametrize(
    "limits", [PortionLimits(), ONE_BY_ONE, IN_PIECES], ids=["together", "one by one", "pieces"]
)
def test_a_table_without_declared_columns_has_one_column_for_each_name(
    zone: Zone, monkeypatch: pytest.MonkeyPatch, limits: PortionLimits
) -> None:
    monkeypatch.setattr(options_module, "limits_of", lambda _: Limits(portion=limits))
    zone = zone.declare(case_insensitive=True, columns=None)
    for number, name in enumerate(["order_id", "ORDER_ID", "Order_Id"] * 7):
        zone.put(order_key(f"{number:02}"), lines({name: number}) * 3)

    zone.ingest_one()

    assert columns(zone) == ["order_id"]
    zone.assert_exact(*sorted([*range(21)] * 3))
    assert zone.error_classes() == {}


def test_the_option_fixes_rows_and_objects_by_replay_and_retry(zone: Zone) -> None:
    zone = zone.declare()
    zone.put(order_key("a"), lines({"order_id": 1, "ORDER_ID": 2}))
    zone.put(order_key("b"), lines({"order_id": 3}) + b"broken\n")
    zone.ingest_one()
    assert zone.error_classes() == {order_key("a"): "schema"}

    zone = zone.declare(case_insensitive=True)
    zone.put(order_key("a"), lines({"order_id": 1, "ORDER_ID": 2}, {"ORDER_ID": 4}))
    zone.ingest_one()

    zone.assert_exact(3, 4)
    reason = (
        "column 'order_id': it has values in the fields 'order_id' and 'ORDER_ID', "
        "which are one column (case_insensitive: true)"
    )
    assert zone.rejected() == {
        order_key("a"): [reason],
        order_key("b"): ["is not valid JSON: Expecting value at character 1"],
    }
    assert json.loads(zone.quarantined()["raw"][0]) == {"order_id": 1, "ORDER_ID": 2}


def test_replay_and_rebuild_bring_the_same_rows(zone: Zone) -> None:
    zone.put(order_key("a"), lines({"ORDER_ID": 1, "NEW": "a"}, {"order_id": 2, "ORDER_ID": 2, "new": "b"}))
    zone.put(order_key("b"), lines({"Order_ID": 3, "new": "c"}))
    zone.ingest_one()
    before = zone.rows().select("order_id", "NEW").sort("order_id").rows()
    rejected = zone.rejected()

    (rule,) = planning_rules([zone.services.settings.table(ORDERS)])
    planned = zone.ledger.plan_replay(QUEUE, rule, ReplaySelection(ORDERS, whole=True))
    for number, batch_id in enumerate(planned.batches):
        zone.process(batch_id, run_id=f"replay-{number}")
    assert len(planned.batches) == 1
    assert zone.rows().select("order_id", "NEW").sort("order_id").rows() == before
    zone.rebuild()

    assert before == [(1, "a"), (3, "c")]
    assert zone.rows().select("order_id", "NEW").sort("order_id").rows() == before
    assert zone.rejected() == rejected
    assert columns(zone) == ["order_id", "NEW"]


@pytest.mark.parametrize("declared", [{"order_id": "long"}, None], ids=["declared", "inferred"])
def test_a_table_with_columns_that_differ_by_case_only_is_refused_before_anything_is_read(
    zone: Zone, declared: dict[str, str] | None
) -> None:
    zone = zone.declare()
    settings = zone.services.settings.table(ORDERS)
    zone.services.lake.table(settings, columns={"order_id": "long"})
    edit_table(zone.services.lake, ORDERS, column("ORDER_ID", "long"))
    zone = zone.declare(case_insensitive=True, columns=declared)
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    with pytest.raises(TableMismatch, match="'order_id' and 'ORDER_ID' differ by case only") as error:
        zone.process(batch_id)

    assert "rename or drop one of them, or remove case_insensitive" in str(error.value)
    (problem,) = [one for one in check_tables(zone.services) if one.subject == ORDERS]
    assert problem.level is Level.PROBLEM
    assert "'order_id' and 'ORDER_ID' differ by case only" in problem.message
    assert zone.error_classes() == {}


def test_a_declared_column_that_the_table_spells_otherwise_is_refused(zone: Zone) -> None:
    settings = zone.services.settings.table(ORDERS)
    zone.services.lake.table(settings, columns={"order_id": "long"})
    zone = zone.declare(case_insensitive=True, columns={"Order_Id": "long"})
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()

    with pytest.raises(TableMismatch, match="declare it as 'order_id'"):
        zone.process(batch_id)

    (problem,) = [one for one in check_tables(zone.services) if one.subject == ORDERS]
    assert problem.level is Level.PROBLEM
    assert columns(zone) == ["order_id"]


def test_twin_columns_are_allowed_where_case_counts(zone: Zone) -> None:
    zone = zone.declare()
    settings = zone.services.settings.table(ORDERS)
    zone.services.lake.table(settings, columns={"order_id": "long"})
    edit_table(zone.services.lake, ORDERS, column("ORDER_ID", "long"))
    zone = zone.restarted()
    zone.put(order_key("a"), lines({"order_id": 1, "ORDER_ID": 2}))

    zone.ingest_one()

    assert zone.rows().select("order_id", "ORDER_ID").rows() == [(1, 2)]


def test_two_batches_that_spell_a_new_column_otherwise_at_once_make_one_column(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second loses the race for the column's id, and its rows are written again into the first one's."""
    zone.put(order_key("a"), lines({"order_id": 1, "NEW": "a"}))
    first = zone.plan_one()
    other = zone.restarted()
    other.put(order_key("b"), lines({"order_id": 2, "new": "b"}))
    other.drain()
    (second,) = [one.batch_id for one in other.ledger.open_batches(QUEUE) if one.batch_id != first]
    write = batch_writer.BatchWriter.write

    def write_and_wait_for_the_other(self: batch_writer.BatchWriter, **without: Any) -> None:
        write(self, **without)
        monkeypatch.setattr(batch_writer.BatchWriter, "write", write)
        other.process(second, run_id="run-2")

    monkeypatch.setattr(batch_writer.BatchWriter, "write", write_and_wait_for_the_other)
    with pytest.raises(CommitConflict):
        zone.process(first)
    zone.restarted().process(first, run_id="run-3")

    assert columns(zone.restarted()) == ["order_id", "new"]
    zone.restarted().assert_exact(1, 2)
