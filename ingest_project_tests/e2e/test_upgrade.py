"""The folder and the databases that an earlier version left behind: what they hold goes on, under the same
names.

`earlier_home` was recorded with commit 8f95480, the last before modules moved to other rooms: one object has
failed, the sensor of the queue `other` was stopped by hand, and the daemon was killed when the run of a
planned batch was queued. `sqlite.tar.xz` holds DAGSTER_HOME and the ledger, `postgres.sql.xz` a dump of the
one database with both. The warehouse was not recorded, so the catalog's rows are not in the dump either.
"""

import lzma
import tarfile
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus

from ingest_project_tests.databases import Databases
from ingest_project_tests.e2e.shop import CLICKS, ORDERS, QUEUE, Shop
from ingest_project_tests.e2e.world import BUCKET, World

pytestmark = pytest.mark.e2e

EARLIER = Path(__file__).parent / "earlier_home"
FAILED = f"s3://{BUCKET}/orders/dt=2026-11-21/broken.ndjson.gz"


@pytest.mark.parametrize("world", ["sqlite", "one-postgres"], indirect=True)
def test_home_of_an_earlier_version_goes_on_with_its_work(world: World) -> None:
    shop = Shop(world)
    world.s3.create_bucket(Bucket=BUCKET)
    key = shop.put_orders("2026-11-20", 0)
    for name in ("landing", "other"):
        world.create_queue(name)
    leave_behind(world.home, world.databases)
    world.write_settings([QUEUE, {"name": "other"}], [ORDERS, {**CLICKS, "queue": "other"}])
    (queued,) = runs(world, dg.DagsterRunStatus.QUEUED)

    world.start_daemon()
    world.wait_for(lambda: queued in runs(world, dg.DagsterRunStatus.SUCCESS), name="the queued run's end")

    assert shop.found("sales.orders") == {f"s3://{BUCKET}/{key}": 20}
    assert world.ledger(
        "select 's3://' || bucket || '/' || key from object_versions where state = 'failed'"
    ) == [(FAILED,)]
    assert statuses(world, "other_sensor") == [InstigatorStatus.STOPPED]
    assert statuses(world, "landing_sensor") == [InstigatorStatus.DECLARED_IN_CODE]


def leave_behind(home: Path, databases: Databases) -> None:
    """Put what was recorded where the deployment of the test will look."""
    if databases.server_url is None:
        with tarfile.open(EARLIER / "sqlite.tar.xz") as recorded:
            recorded.extractall(home, filter="data")
        return
    dump = lzma.decompress((EARLIER / "postgres.sql.xz").read_bytes()).decode()
    statements = "\n".join(line for line in dump.splitlines() if not line.startswith("\\"))
    with psycopg.connect(databases.ledger_url.replace("+psycopg", "")) as connection:
        connection.execute(statements.encode())


def runs(world: World, status: dg.DagsterRunStatus) -> list[str]:
    """The ids of the runs in this state."""
    with world.instance() as instance:
        return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=[status]))]


def statuses(world: World, sensor: str) -> list[InstigatorStatus]:
    """What Dagster has stored of sensors of this name: more than one if it takes them for different ones."""
    with world.instance() as instance:
        return [state.status for state in instance.all_instigator_state() if state.name == sensor]
