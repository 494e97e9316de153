"""`ingest reconcile` on a landing zone in the emulator: output and exit codes."""

from ingest_project_tests.cli.commands import answer, run
from ingest_project_tests.factories import Zone, order_key
from ingest_project_tests.landing import BUCKET

NOW = ("--grace", "0s")


def test_what_is_missing_is_shown_and_exits_with_1_until_it_is_enqueued(zone: Zone) -> None:
    zone.put_orders("kept", 1)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("dropped", 2)

    shown = run(zone, "reconcile", "sales.orders", *NOW)
    assert shown.exit_code == 1
    assert "1 missing: S3 holds them" in shown.stdout
    assert f"s3://{BUCKET}/{order_key('dropped')}" in shown.stdout
    assert "--enqueue lets the queue's sensor ingest what is missing." in shown.stdout

    enqueued = run(zone, "reconcile", "sales.orders", "--enqueue", *NOW)
    assert enqueued.exit_code == 0
    assert "1 enqueued; the next ticks of landing_sensor take them." in enqueued.stdout
    zone.ingest_one()
    zone.assert_exact(1, 2)
    assert "S3, the ledger and the table agree." in run(zone, "reconcile", "sales.orders", *NOW).stdout


def test_reconcile_as_json(zone: Zone) -> None:
    zone.ingest()
    zone.silence()
    zone.put_orders("a", 1)

    told = answer(zone, "reconcile", "sales.orders", *NOW)

    assert (told["even"], told["done"], told["found"]) == (False, False, {"missing": 1})
    assert (told["examples"][0]["uri"], told["left"]) == (f"s3://{BUCKET}/{order_key('a')}", 1)
    assert answer(zone, "reconcile", "sales.orders")["known"] == {"recent": 1}


def test_wrong_table_prefix_or_window_is_a_usage_error(zone: Zone) -> None:
    zone.ingest()
    for wrong in (
        ("web.none",), ("sales.orders", "--prefix", "orders/../clicks/"), ("sales.orders", "--prefix", "x"),
        ("sales.orders", "--since", "1d", "--until", "2d"),
    ):  # fmt: skip
        done = run(zone, "reconcile", *wrong)
        assert (done.exit_code, "Error: " in done.stderr) == (2, True)


def test_without_a_ledger_nothing_is_created(zone: Zone) -> None:
    for path in zone.landing.folder.glob("ledger.db*"):
        path.unlink()

    done = run(zone, "reconcile", "sales.orders", "--enqueue")

    assert done.exit_code == 1
    assert "there is no ledger" in done.stderr
    assert not (zone.landing.folder / "ledger.db").exists()
