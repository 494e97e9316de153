"""SIGKILL of the run, of the daemon, and of both: no row lost, none twice, the queue empty."""

import os
import signal

import pytest

from ingest_project_tests.databases import on_both_databases
from ingest_project_tests.e2e.shop import ORDERS, Shop
from ingest_project_tests.e2e.world import World, kill_group

pytestmark = [pytest.mark.e2e, on_both_databases]


def test_killed_run_is_replaced(world: World) -> None:
    shop = shop_with_orders(world)
    world.start_daemon()
    world.wait_for(lambda: bool(working_runs(world)), name="a run working")

    for pid in working_runs(world):
        os.kill(pid, signal.SIGKILL)
    world.wait_for(world.settled, name="settling after the run was killed")

    shop.assert_exact()


def test_killed_daemon_is_picked_up_by_the_next_one(world: World) -> None:
    shop = shop_with_orders(world)
    daemon = world.start_daemon()
    world.wait_for(lambda: bool(world.ledger("select 1 from batches")), name="a batch planned")

    kill_group(daemon)
    shop.put_orders("2026-11-21", 99)
    world.start_daemon()
    world.wait_for(world.settled, name="settling after the daemon was killed")

    shop.assert_exact()


def test_killed_daemon_and_run_are_picked_up_when_the_lease_has_run_out(world: World) -> None:
    shop = shop_with_orders(world)
    daemon = world.start_daemon()
    world.wait_for(lambda: bool(working_runs(world)), name="a run working")

    runs = working_runs(world)
    kill_group(daemon)
    for pid in runs:
        os.kill(pid, signal.SIGKILL)
    world.start_daemon()
    world.wait_for(world.settled, name="settling after daemon and run were killed")

    shop.assert_exact()


def shop_with_orders(world: World) -> Shop:
    """60 objects of one table in ten partitions, enough for a run to be caught at work."""
    shop = Shop(world)
    shop.open(ORDERS)
    for number in range(60):
        shop.put_orders(f"2026-11-{1 + number % 10:02d}", number // 10, rows=200)
    return shop


def working_runs(world: World) -> list[int]:
    """Process ids of the runs that own an open batch, found by the run id in command line or environment."""
    owners = [
        run_id
        for (run_id,) in world.ledger(
            "select run_id from batches where state = 'planned' and run_id is not null"
        )
    ]
    return [pid for run_id in owners for pid in processes_with(run_id)]


def processes_with(text: str) -> list[int]:
    """Processes whose command line contains the text."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/cmdline", "rb") as file:  # noqa: PTH123
                if text.encode() in file.read():
                    found.append(int(entry.name))
        except OSError:
            continue
    return found
