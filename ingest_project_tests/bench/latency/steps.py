"""The time from a put to a row in the table, with the project under a real `dagster dev`."""

import os
import time
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError

from ingest_project.demo.dagster_dev import DagsterDev, any_free_port, dagster_dev
from ingest_project.demo.interrupts import Interrupts
from ingest_project_tests.bench.landing import BUCKET, clients
from ingest_project_tests.bench.path.asked import TABLE, Asked
from ingest_project_tests.bench.path.project import settings_file
from ingest_project_tests.bench.rounds import Refused

TOP = Path(__file__).parents[3]
PREFIX = "latency/"
WAIT_SECONDS = 240


def put_to_row(home: str, endpoint: str, url: str, objects: int, every: float) -> list[float]:
    """The seconds from the end of each put to the commit that brought its row, in the order of the puts.

    The first object, which creates the table, is not among them. A commit's time is that of its snapshot.
    """
    os.chdir(home)
    asked = Asked(endpoint, BUCKET, PREFIX, url, home, objects, "ndjson", {"order_id": "long"})
    dagster_home = Path(home, "dagster")
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text((TOP / "dagster.yaml").read_text())
    os.environ |= {
        "INGEST_CONFIG": str(settings_file(asked)), "DAGSTER_HOME": str(dagster_home),
        "PYTHONPATH": os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    with (
        Interrupts() as interrupts,
        dagster_dev(
            TOP, port=any_free_port(), log=Path(home, "dagster.log"), interrupts=interrupts
        ) as dagster,
    ):
        dagster.wait_until_up()
        put_at = {"0": _put(endpoint, 0)}
        _wait_for(asked, 1, dagster)
        for number in range(1, objects + 1):
            put_at[str(number)] = _put(endpoint, number)
            time.sleep(every)
        committed_at = _wait_for(asked, objects + 1, dagster)
    return [committed_at[number] - put_at[str(number)] for number in range(1, objects + 1)]


def _put(endpoint: str, number: int) -> float:
    s3, _ = clients(endpoint)
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{number:04}.ndjson", Body=b'{"order_id":%d}\n' % number)
    return time.time()


def _wait_for(asked: Asked, rows: int, dagster: DagsterDev) -> dict[int, float]:
    """The time at which each order came into the table, when it has so many rows."""
    deadline = time.monotonic() + WAIT_SECONDS
    while len(found := _committed(asked)) < rows:
        dagster.check()
        if time.monotonic() > deadline:
            raise Refused(f"{len(found)} of {rows} rows came within {WAIT_SECONDS} s")
        time.sleep(1)
    return found


def _committed(asked: Asked) -> dict[int, float]:
    catalog = SqlCatalog("lake", uri=asked.catalog_uri, warehouse=f"file://{asked.home}/warehouse")
    try:
        table = catalog.load_table(TABLE)
    except NoSuchTableError:
        return {}
    finally:
        catalog.close()
    made: dict[str, float] = {}
    for snapshot in table.snapshots():
        batch = snapshot.summary and snapshot.summary.additional_properties.get("ingest.batch-id")
        made[str(batch)] = snapshot.timestamp_ms / 1000
    rows = table.scan(selected_fields=("order_id", "_batch_id")).to_arrow().to_pylist()
    return {row["order_id"]: made[row["_batch_id"]] for row in rows}
