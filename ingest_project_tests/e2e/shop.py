"""Three tables and their objects: the uploads of the end-to-end tests, and the expected rows."""

import io
from collections import Counter
from typing import Any

import polars as pl

from ingest_project_tests.e2e.world import BUCKET, World, ndjson_gz

ORDERS = {
    "name": "sales.orders",
    "queue": "landing",
    "bucket": BUCKET,
    "prefix": "orders/",
    "suffix": ".ndjson.gz",
    "format": "ndjson",
    "partition": {
        "every": "day",
        "start": "2026-01-01",
        "from": "key",
        "pattern": "dt=(?P<partition>[0-9-]{10})",
    },
    "partition_spec": ["day(ordered_at)", "bucket[4](customer_id)"],
    "columns": {
        "order_id": "long",
        "customer_id": "long",
        "amount": "decimal(12,2)",
        "ordered_at": "timestamptz",
    },
}
CLICKS = {
    "name": "web.clicks",
    "queue": "landing",
    "bucket": BUCKET,
    "prefix": "clicks/",
    "format": "csv",
    "partition": {
        "every": "hour",
        "start": "2026-01-01",
        "from": "key",
        "pattern": "dt=(?P<partition>[0-9-]{10}/hour=[0-9]{2})",
    },
    "partition_spec": ["hour(clicked_at)"],
    "columns": {"session_id": "string", "url": "string", "clicked_at": "timestamptz"},
}
DEVICES = {
    "name": "fleet.devices",
    "queue": "landing",
    "bucket": BUCKET,
    "prefix": "devices/",
    "suffix": ".parquet",
    "format": "parquet",
    "partition": {
        "every": "month",
        "start": "2026-01-01",
        "from": "key",
        "pattern": "month=(?P<partition>[0-9-]{7})",
    },
    "partition_spec": ["month(seen_at)"],
    "columns": {"device_id": "string", "battery": "double", "seen_at": "timestamptz"},
}
QUEUE = {"name": "landing", "visibility_timeout_seconds": 60}


class Shop:
    """Puts objects into S3 and keeps count of the rows that each table must hold for each of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.expected: dict[str, Counter[str]] = {
            table: Counter() for table in ("sales.orders", "web.clicks", "fleet.devices")
        }

    def open(self, *tables: dict[str, Any]) -> None:
        """Bucket, queue, notification and settings; for all three tables unless some are named."""
        arn = self._world.create_queue("landing")
        self._world.s3.create_bucket(Bucket=BUCKET)
        self._world.s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
            },
        )
        self._world.write_settings([QUEUE], list(tables) or [ORDERS, CLICKS, DEVICES])

    def put_orders(self, day: str, part: int, *, rows: int = 20, seed: int = 0) -> str:
        """One object of orders of a day like 2026-11-20; gives its key."""
        body = ndjson_gz(
            [
                {
                    "order_id": seed + part * 1000 + number,
                    "customer_id": number,
                    "amount": f"{number}.25",
                    "ordered_at": f"{day}T10:{number % 60:02d}:00Z",
                }
                for number in range(rows)
            ]
        )
        return self._put("sales.orders", f"orders/dt={day}/part {part:03d}+é.ndjson.gz", body, rows)

    def put_clicks(self, hour: str, part: int, *, rows: int = 20) -> str:
        """One object of clicks of an hour like 2026-11-20T13; gives its key."""
        lines = [
            f"s{number},https://shop.example/{number},{hour}:{number % 60:02d}:00Z" for number in range(rows)
        ]
        body = "\n".join(["session_id,url,clicked_at", *lines, ""]).encode()
        return self._put(
            "web.clicks", f"clicks/dt={hour.replace('T', '/hour=')}/part-{part:03d}.csv", body, rows
        )

    def put_devices(self, month: str, part: int, *, rows: int = 20) -> str:
        """One object of device reports of a month like 2026-11; gives its key."""
        seen_at = pl.Series([f"{month}-01"] * rows).str.to_datetime(
            "%Y-%m-%d", time_unit="us", time_zone="UTC"
        )
        frame = pl.DataFrame(
            {
                "device_id": [f"d{number}" for number in range(rows)],
                "battery": [number / 2 for number in range(rows)],
                "seen_at": seen_at,
            }
        )
        body = io.BytesIO()
        frame.write_parquet(body)
        return self._put(
            "fleet.devices", f"devices/month={month}/part-{part:03d}.parquet", body.getvalue(), rows
        )

    def put_200(self) -> None:
        """200 objects of three tables in 40 partitions: 20 days, 14 hours and 6 months."""
        for number in range(100):
            self.put_orders(f"2026-11-{1 + number % 20:02d}", number // 20)
        for number in range(70):
            self.put_clicks(f"2026-11-20T{number % 14:02d}", number // 14)
        for number in range(30):
            self.put_devices(f"2026-{1 + number % 6:02d}", number // 6)

    def found(self, table: str) -> Counter[str]:
        """Rows by URI, as an independent reader finds them."""
        rows: Counter[str] = Counter()
        for uri, _version, count in self._world.rows(table):
            rows[uri] += count
        return rows

    def assert_exact(self) -> None:
        """Every table holds exactly the rows of what was put: none lost, none twice."""
        for table, expected in self.expected.items():
            assert self.found(table) == expected, table

    def _put(self, table: str, key: str, body: bytes, rows: int) -> str:
        self._world.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        self.expected[table][f"s3://{BUCKET}/{key}"] = rows
        return key


def table(template: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A table like the template, with changes."""
    return {**template, **changes}
