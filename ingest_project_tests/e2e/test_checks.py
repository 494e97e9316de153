"""Checks of tables in a real deployment: nobody clicks, and they are made; a person looks, and sees them."""

import gzip
import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from ingest_project_tests.databases import on_both_databases
from ingest_project_tests.e2e.browser import Browser, chromium
from ingest_project_tests.e2e.shop import ORDERS, Shop, table
from ingest_project_tests.e2e.world import BUCKET, TOP, World

pytestmark = pytest.mark.e2e

DAY = str(datetime.now(UTC).date() - timedelta(days=2))
NAMES = ("failed_objects", "bad_rows", "schema_drift", "freshness", "row_count", "dlq_empty")
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"


@on_both_databases
def test_checks_are_made_by_themselves(world: World) -> None:
    shop = opened_shop(world)

    world.start_daemon()

    wait_for_sensor(world)
    ingest_bad_rows(world, shop)
    made = evaluations(world)
    assert {name for name, one in made.items() if not one.passed} == {"bad_rows", "schema_drift"}


def test_person_sees_the_checks_and_the_quarantine(world: World) -> None:
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no browser; install the Debian packages chromium and chromium-driver")
    shop = opened_shop(world)
    shutil.copy(TOP / "dagster.yaml", world.home / "dagster")

    with chromium(world.start_dev(), world.home) as browser:
        wait_for_sensor(world)
        ingest_bad_rows(world, shop)
        checks_are_listed_with_their_verdicts(browser)
        new_column_is_named_and_takes_no_effect(browser)
        person_makes_a_check(browser, world)
        quarantine_is_downstream_and_shows_reasons(browser)
        graph_shows_the_quarantine(browser)

        assert "taken" not in browser._driver.title
        assert browser.errors() == []


def checks_are_listed_with_their_verdicts(browser: Browser) -> None:
    browser.open("/assets/sales/orders?view=checks", *NAMES)
    # None is "Not Evaluated", although the run is younger than the sensor's tick: it has repeated their
    # verdicts.
    browser.wait_until(lambda: browser.text.count("Succeeded\n") == 4, "four checks that passed")
    browser.screenshot("checks")

    browser.open("/assets/sales/orders?view=checks&checkDetail=bad_rows", "were set aside", "bad_rows")
    assert browser.metadata["bad_rows"] == "2"
    browser.screenshot("bad-rows")


def new_column_is_named_and_takes_no_effect(browser: Browser) -> None:
    browser.open(
        "/assets/sales/orders?view=checks&checkDetail=schema_drift", "new: coupon and 1 more", HOSTILE
    )
    assert browser.count("td img") == 0
    browser.screenshot("schema-drift")


def person_makes_a_check(browser: Browser, world: World) -> None:
    before = len(records(world, "dlq_empty"))
    browser.open("/assets/sales/orders?view=checks&checkDetail=dlq_empty", "Execute")

    browser.click("Execute")

    world.wait_for(lambda: len(records(world, "dlq_empty")) > before, name="launching the check")
    world.wait_for(lambda: "dlq_empty" in evaluations(world), name="making the check")
    browser.screenshot("execute")


def quarantine_is_downstream_and_shows_reasons(browser: Browser) -> None:
    browser.open(
        "/assets/sales/orders__quarantine?view=events", "External Asset", "2 rows were set aside by batch"
    )
    browser.see(
        "line", "reason", "is not valid JSON", "<img src=x", f"s3://{BUCKET}/orders/dt={DAY}/bad.ndjson.gz"
    )
    assert browser.count("td img") == 0
    browser.screenshot("quarantine")

    browser.open(
        "/assets/sales/orders__quarantine?view=lineage&lineageScope=upstream", "orders", "orders__quarantine"
    )
    browser.screenshot("quarantine-lineage")


def graph_shows_the_quarantine(browser: Browser) -> None:
    browser.open(
        "/locations/ingest_project/asset-groups/sales", "orders__quarantine", "Materialized", "4 / 6 Passed"
    )
    browser.screenshot("quarantine-graph")


def opened_shop(world: World) -> Shop:
    """Orders alone, which promise to be fresh."""
    shop = Shop(world)
    shop.open(table(ORDERS, checks={"fresh_within": "1h"}))
    return shop


def wait_for_sensor(world: World) -> None:
    """Wait for the first tick of the checks' sensor."""
    # A ledger tells that Dagster's storage is made: two processes that make it at once stumble over each
    # other.
    world.wait_for(lambda: bool(world.ledger("select count(*) from batches")), name="the ledger")
    world.wait_for(lambda: evaluations(world).keys() == set(NAMES), name="the sensor's checks")


def ingest_bad_rows(world: World, shop: Shop) -> None:
    """Wait for the runs that ingest an object of good rows, and one with new columns and two bad rows."""
    shop.put_orders(DAY, 0)
    row = {"order_id": 7, "customer_id": 7, "amount": "7.00", "ordered_at": f"{DAY}T10:00:00Z"}
    lines = [
        json.dumps({**row, "coupon": "X", HOSTILE: "y"}),
        "not JSON",
        json.dumps({**row, "order_id": HOSTILE}),
    ]
    body = gzip.compress("\n".join([*lines, ""]).encode())
    world.s3.put_object(Bucket=BUCKET, Key=f"orders/dt={DAY}/bad.ndjson.gz", Body=body)
    both = "select count(*) from object_versions where state = 'committed'"
    world.wait_for(lambda: world.ledger(both) == [(2,)], name="ingesting both")
    world.wait_for(lambda: says_it_all(world), name="a run that says it all")


def records(world: World, name: str) -> list[Any]:
    key = dg.AssetCheckKey(dg.AssetKey(["sales", "orders"]), name)
    with world.instance() as instance:
        return list(instance.event_log_storage.get_asset_check_execution_history(key, limit=20))


def evaluations(world: World) -> dict[str, dg.AssetCheckEvaluation]:
    """The last evaluation of each check, as Dagster's own storage has it."""
    latest = {name: [one.evaluation for one in records(world, name)[:1]] for name in NAMES}
    return {
        name: found[0]
        for name, found in latest.items()
        if found and isinstance(found[0], dg.AssetCheckEvaluation)
    }


def says_it_all(world: World) -> bool:
    """The last verdicts are those of a run, made or repeated, and it has found the bad rows."""
    latest = [records(world, name)[0] for name in NAMES]
    return all(record.run_id for record in latest) and not evaluations(world)["bad_rows"].passed
