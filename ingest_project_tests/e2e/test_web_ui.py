"""Dagster's web UI as a person uses it: headless Chromium on a real `dagster dev`."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from ingest_project_tests.e2e.browser import Browser, chromium
from ingest_project_tests.e2e.shop import CLICKS, DEVICES, ORDERS, QUEUE, Shop, table
from ingest_project_tests.e2e.world import BUCKET, TOP, World

pytestmark = pytest.mark.e2e

# Within the last 90 days, which is all that the dialogs offer unasked.
TODAY = datetime.now(UTC).date()
LOOKED_AT, REBUILT = (str(TODAY - timedelta(days=days)) for days in (3, 2))
HOURS = [f"{TODAY - timedelta(days=1)}T{hour}" for hour in (12, 13)]
MONTHS = [str(day)[:7] for day in (TODAY.replace(day=1) - timedelta(days=1), TODAY)]
BROKEN = f"orders/dt={REBUILT}/broken.ndjson.gz"
PARTITION_FIELD = "//*[@role='dialog']//input[@type='text']"


@dataclass(frozen=True, slots=True)
class WebUi:
    """A settled deployment of the shop, and a browser on its web UI."""

    world: World
    shop: Shop
    browser: Browser


@pytest.fixture
def web_ui(world: World) -> Iterator[WebUi]:
    """All objects are ingested but the broken one."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no browser; install the Debian packages chromium and chromium-driver")
    shop = filled_shop(world)
    with chromium(world.start_dev(), world.home) as browser:
        world.wait_for(lambda: settled_but_one(world), name="settling all but one")
        yield WebUi(world, shop, browser)


def test_person_sees_what_was_ingested_and_rebuilds_it(web_ui: WebUi) -> None:
    # One test, since the deployment takes longer than all that is looked at. The backfill is launched first:
    # Dagster looks at backfills every 30 seconds only.
    backfill = launch_backfill(web_ui.browser)

    graph_shows_queues_and_tables_by_group(web_ui.browser)
    catalog_shows_plain_descriptions(web_ui.browser)
    queue_says_what_it_announces(web_ui.browser)
    overview_says_what_the_table_is(web_ui)
    numbers_are_plotted(web_ui.browser)
    partition_says_what_was_ingested(web_ui)
    sample_opens_as_a_table(web_ui.browser)
    ticks_say_what_was_received(web_ui.browser)
    run_shows_its_ops_and_the_object_that_it_could_not_read(web_ui)
    failed_object_shows_in_the_catalog(web_ui.browser)
    rebuild_that_cannot_read_everything_fails_and_keeps_the_rows(web_ui)
    materializing_a_partition_rebuilds_the_same_rows(web_ui)
    backfill_of_two_partitions_rebuilds_the_same_rows(web_ui, backfill)

    assert "Join the Dagster community" not in web_ui.browser.text
    assert web_ui.browser.errors() == []


def graph_shows_queues_and_tables_by_group(browser: Browser) -> None:
    browser.open("/asset-groups", "Global asset lineage", "queues", "fleet", "sales", "web")
    browser.screenshot("graph")

    browser.open("/locations/ingest_project/asset-groups/sales", "orders", "Iceberg", "Polars")
    browser.screenshot("group")


def catalog_shows_plain_descriptions(browser: Browser) -> None:
    browser.open("/assets", "sales / orders", "web / clicks", "fleet / devices", "sqs / landing")

    browser.see("Rows of the csv objects that the queue landing announces.")
    browser.screenshot("catalog")


def queue_says_what_it_announces(browser: Browser) -> None:
    browser.open("/assets/sqs/landing", "External Asset", f"s3://{BUCKET}/clicks/* for web.clicks")

    assert browser.metadata["visibility_timeout_seconds"] == str(QUEUE["visibility_timeout_seconds"])
    browser.screenshot("queue")


def overview_says_what_the_table_is(web_ui: WebUi) -> None:
    web_ui.browser.open("/assets/sales/orders?view=overview", "Orders of the shop.", "landing_sensor")

    web_ui.browser.see("Iceberg", "Polars", "orders@acme.example", "Row count")
    for column, type_name in web_ui.world.settings["tables"][0]["columns"].items():
        assert web_ui.browser.metadata[column] == type_name
    web_ui.browser.see("day(ordered_at), bucket[4](customer_id)", f"s3://{BUCKET}/orders/*.ndjson.gz")
    web_ui.browser.screenshot("overview")


def numbers_are_plotted(browser: Browser) -> None:
    browser.open("/assets/sales/orders?view=overview", "Plots")

    browser.click("Plots")

    browser.see("dagster/row_count", "dagster/partition_row_count", "lag_seconds", "rows_added", "size_bytes")
    browser.wait_until(lambda: browser.count("canvas") >= 5, "a plot of each number")
    browser.screenshot("plots")


def partition_says_what_was_ingested(web_ui: WebUi) -> None:
    ((batch_id, snapshot_id, size_bytes, rows),) = web_ui.world.ledger(
        "select batch_id, snapshot_id, sum(size_bytes), sum(rows) from object_versions"
        " where table_name = 'sales.orders' and partition_key = :day group by 1, 2",
        day=LOOKED_AT,
    )

    open_partition(web_ui.browser, LOOKED_AT)

    web_ui.browser.see("Materialized (2)", "Failed (0)", "landing_ingest")
    metadata = web_ui.browser.metadata
    assert float(metadata.pop("lag_seconds")) > 0
    assert metadata.items() >= {
        "rows_added": str(rows), "dagster/row_count": "80", "dagster/partition_row_count": "40",
        "objects": "2", "failed_objects": "0", "size_bytes": str(size_bytes),
        "batch_id": batch_id, "snapshot_id": str(snapshot_id),
    }.items()  # fmt: skip
    web_ui.browser.screenshot("partition")


def sample_opens_as_a_table(browser: Browser) -> None:
    open_partition(browser, REBUILT)
    assert browser.metadata["failed_objects"] == "1"

    browser.click("[Show Markdown]")

    browser.wait_until(lambda: browser.count("[role=dialog] table tbody tr") == 5, "a table of five rows")
    browser.see("_source_uri", f"s3://{BUCKET}/orders/dt={REBUILT}/part 000+é.ndjson.gz")
    browser.screenshot("sample")


def ticks_say_what_was_received(browser: Browser) -> None:
    browser.open("/locations/ingest_project/sensors/landing_sensor", "3 runs requested")
    browser.screenshot("ticks")

    browser.click_at("//tr[contains(., '3 runs requested')]//button[.='View logs']")

    browser.see("10 messages received, 9 new objects")
    browser.see("of sales.orders (5 objects): attempt 1 starts")
    browser.screenshot("tick")


def run_shows_its_ops_and_the_object_that_it_could_not_read(web_ui: WebUi) -> None:
    web_ui.browser.open(f"/runs/{run_of(web_ui.world, 'ingest', 'sales.orders')}", "Success", "Succeeded (2)")
    web_ui.browser.see("ingest", "sales / orders", "Launched by", "landing_sensor")
    web_ui.browser.screenshot("run")

    web_ui.browser.write("//input[@placeholder='Filter…']", "unreadable")

    web_ui.browser.see("WARNING", BROKEN)
    web_ui.browser.screenshot("run-warning")
    web_ui.browser.write("//input[@placeholder='Filter…']", "step:acknowledge")
    web_ui.browser.see("4 of the batch's 5 messages are deleted")  # whichever run or tick has deleted them


def failed_object_shows_in_the_catalog(browser: Browser) -> None:
    browser.open(
        "/assets/sales/orders?view=checks&checkDetail=failed_objects", "1 object failed: unreadable 1"
    )
    browser.see(BROKEN.rpartition("/")[2], "ingest retry --table sales.orders")
    browser.screenshot("failed-objects")


def rebuild_that_cannot_read_everything_fails_and_keeps_the_rows(web_ui: WebUi) -> None:
    open_partition(web_ui.browser, REBUILT)

    (run_id,) = materialized(web_ui, known=set())

    web_ui.browser.open(f"/runs/{run_id}", "Failure", REBUILT)
    web_ui.browser.see("1 of 3 objects of sales.orders could not be read (unreadable 1)")
    web_ui.browser.screenshot("rebuild-failed")
    web_ui.shop.assert_exact()
    open_partition(web_ui.browser, REBUILT)
    assert web_ui.browser.metadata["failed_objects"] == "1"
    assert web_ui.browser.metadata["dagster/row_count"] == "80"
    web_ui.browser.screenshot("partition-failed")


def materializing_a_partition_rebuilds_the_same_rows(web_ui: WebUi) -> None:
    before = web_ui.world.snapshots("sales.orders")
    known = {run_id for (run_id,) in committed(web_ui.world, "rebuild", "sales.orders")}
    open_partition(web_ui.browser, LOOKED_AT)

    (run_id,) = materialized(web_ui, known=known)

    web_ui.browser.open(f"/runs/{run_id}", "Success", LOOKED_AT)
    web_ui.browser.screenshot("rebuild")
    web_ui.shop.assert_exact()
    assert len(web_ui.world.snapshots("sales.orders")) == len(before) + 1


def materialized(web_ui: WebUi, *, known: set[str]) -> set[str]:
    """Materialize the partition that is open; gives the run, which is not one of the known ones."""
    web_ui.browser.click("Materialize…")
    web_ui.browser.see("Launch runs to materialize sales / orders", "1 partition")
    web_ui.browser.screenshot("materialize")
    web_ui.browser.click("Launch 1 run")
    web_ui.browser.see("Launched run")

    def runs() -> set[str]:
        return {run_id for (run_id,) in committed(web_ui.world, "rebuild", "sales.orders")} - known

    web_ui.world.wait_for(lambda: bool(runs()), name="the rebuild")
    return runs()


def backfill_of_two_partitions_rebuilds_the_same_rows(web_ui: WebUi, backfill: str) -> None:
    web_ui.world.wait_for(
        lambda: len(committed(web_ui.world, "rebuild", "web.clicks")) == 2, name="the backfill"
    )

    assert len(set(committed(web_ui.world, "rebuild", "web.clicks"))) == 1  # a range is one run
    web_ui.browser.open(f"/runs/b/{backfill}?tab=runs", "Launched by")
    web_ui.browser.wait_until(lambda: web_ui.browser.text.count("Success") == 1, "one successful run")
    web_ui.browser.screenshot("backfill")
    web_ui.browser.open("/assets/web/clicks?view=partitions", "Materialized (2)", "Failed (0)")
    web_ui.shop.assert_exact()


def filled_shop(world: World) -> Shop:
    """Three tables, two partitions each, eight objects to ingest and one that nobody can read."""
    shop = Shop(world)
    shop.open(
        table(ORDERS, owners=["team:sales", "orders@acme.example"], description="Orders of the *shop*."),
        CLICKS,
        DEVICES,
    )
    # As it is, with more patience for a run to start than the other tests have.
    shutil.copy(TOP / "dagster.yaml", world.home / "dagster")
    for day in (LOOKED_AT, REBUILT):
        for part in range(2):
            shop.put_orders(day, part)
    for hour in HOURS:
        shop.put_clicks(hour, 0)
    for month in MONTHS:
        shop.put_devices(month, 0)
    world.s3.put_object(Bucket=BUCKET, Key=BROKEN, Body=b"not JSON\n")
    return shop


def settled_but_one(world: World) -> bool:
    """Everything is in the tables and acknowledged, except the broken object, whose message waits for the
    DLQ.
    """
    states = world.ledger("select state, count(*) from object_versions group by state order by state")
    return states == [("committed", 8), ("failed", 1)] and world.messages_in("landing") == 1


def launch_backfill(browser: Browser) -> str:
    """Start a backfill of the two hours of clicks from their asset's page; gives its id."""
    browser.open("/assets/web/clicks?view=partitions", "web", "clicks")
    browser.click("Materialize…")
    browser.write(PARTITION_FIELD, ", ".join(hour.replace("T", "-") + ":00" for hour in HOURS))
    browser.see("2 partitions")
    browser.screenshot("backfill-dialog")
    browser.click("Launch backfill")
    browser.see("Created backfill")
    return browser.text.partition("Created backfill ")[2].split()[0]


def open_partition(browser: Browser, day: str) -> None:
    """The page of one day of the orders, its metadata in sight."""
    browser.open(f"/assets/sales/orders?view=partitions&partition={day}", "Latest materialization")
    browser.wait_until(lambda: "snapshot_id" in browser.metadata, "the partition's metadata")


def committed(world: World, kind: str, table_name: str) -> list[tuple[str]]:
    """The runs whose batches are in the table."""
    return world.ledger(
        "select run_id from batches where state = 'committed' and kind = :kind and table_name = :table",
        kind=kind,
        table=table_name,
    )


def run_of(world: World, kind: str, table_name: str) -> str:
    """The one run that brought this table's batch of this kind."""
    ((run_id,),) = committed(world, kind, table_name)
    return run_id
