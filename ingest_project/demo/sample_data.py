"""The uploads to the demo's bucket, in their order, with faults that occur in real buckets."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest_project.demo.sample_files import (
    BAD_ORDERS,
    broken_gzip_file,
    clicks_file,
    devices_file,
    orders_file,
)

ORDERS = "sales.orders"
CLICKS = "web.clicks"
DEVICES = "fleet.devices"
EVENTS = "shop.events"
EVENTS_QUEUE = "events"
TABLES = (ORDERS, CLICKS, DEVICES, EVENTS)

NOT_AN_EVENT = '{"greeting": "sent by hand, and to the wrong queue"}'
"""A message that no S3 bucket sent."""

DAYS, ORDERS_FILES, ORDERS_ROWS = 14, 8, 300
HOURS, CLICKS_FILES, CLICKS_ROWS = 48, 3, 200
MONTHS, DEVICES_FILES, DEVICES_ROWS = 6, 4, 500
BAD_DAYS_AGO, BAD_PART = 3, 5
"""The file of orders that has bad rows: how many days before the last day, and which part."""
LATE_HOURS = 6
MESSAGES = 300


@dataclass(frozen=True, slots=True)
class Upload:
    """One write of one key. `rows` is None for an unreadable object; `bad_rows` are not part of `rows`."""

    table: str
    key: str
    body: bytes = field(repr=False)
    rows: int | None
    bad_rows: int = 0


@dataclass(frozen=True, slots=True)
class SampleData:
    """Everything that is uploaded, in order: `first`, and `later`, once the first part is in the tables.

    In `first`, one object is uploaded twice with the same bytes, one is overwritten before it is read, one
    has bad rows among its good ones, and one is unreadable. In `later`, one that is in its table by then is
    overwritten, and the new orders have a field without a column in their table. The events of `unannounced`
    never reach the queue. `messages` are bodies for the queue of raw messages, sent once.
    """

    first: tuple[Upload, ...]
    later: tuple[Upload, ...]
    unannounced: tuple[Upload, ...]
    messages: tuple[str, ...]

    @property
    def announced(self) -> tuple[Upload, ...]:
        return self.first + self.later

    @property
    def all(self) -> tuple[Upload, ...]:
        return self.announced + self.unannounced


def sample_data(now: datetime) -> SampleData:
    """Two weeks of orders, two days of clicks and six months of tracker reports, all in the past."""
    days, hours, months = _days(now), _hours(now), _months(now)
    orders = [
        _orders(day, part, coupons=day == days[-1], bad=(day, part) == (days[-1 - BAD_DAYS_AGO], BAD_PART))
        for day in days
        for part in range(ORDERS_FILES)
    ]
    clicks = [_clicks(hour, part) for hour in hours for part in range(CLICKS_FILES)]
    devices = [_devices(month, part) for month in months for part in range(DEVICES_FILES)]
    late_clicks = LATE_HOURS * CLICKS_FILES
    before = days[-2]
    return SampleData(
        first=(
            *orders[:-ORDERS_FILES],
            *clicks[:-late_clicks],
            *devices,
            clicks[0],
            _orders(before, 0, corrected=True),
            Upload(ORDERS, _orders_key(before, ORDERS_FILES), broken_gzip_file(before), rows=None),
        ),
        later=(*orders[-ORDERS_FILES:], *clicks[-late_clicks:-1], _orders(before, 1, corrected=True)),
        unannounced=(clicks[-1],),
        messages=tuple(map(_message, range(MESSAGES))),
    )


def first_partitions(now: datetime) -> dict[str, datetime]:
    """The start of each table's first partition with data."""
    return {ORDERS: _days(now)[0], CLICKS: _hours(now)[0], DEVICES: _months(now)[0]}


def _message(number: int) -> str:
    """Most are JSON, and some are not: every message becomes a row."""
    if number % 50 == 0:
        return f"heartbeat of the till in shop {number} \N{BLACK HEART SUIT}"
    return json.dumps({"type": "basket_changed", "basket": number % 40, "items": number % 7})


def _orders(
    day: datetime, part: int, *, corrected: bool = False, coupons: bool = False, bad: bool = False
) -> Upload:
    """A file of orders or, under the same key, its correction: other rows, and more of them."""
    key = _orders_key(day, part)
    rows = ORDERS_ROWS + 50 if corrected else ORDERS_ROWS
    first_id = day.toordinal() * 10_000 + part * 1_000
    bad_lines = BAD_ORDERS if bad else ()
    body = orders_file(
        f"{key} {corrected}", day, first_id=first_id, rows=rows, coupons=coupons, bad_lines=bad_lines
    )
    return Upload(ORDERS, key, body, rows, bad_rows=len(bad_lines))


def _orders_key(day: datetime, part: int) -> str:
    return f"orders/dt={day:%Y-%m-%d}/part-{part:03d}.ndjson.gz"


def _clicks(hour: datetime, part: int) -> Upload:
    key = f"clicks/dt={hour:%Y-%m-%d}/hour={hour:%H}/part-{part:03d}.csv"
    return Upload(CLICKS, key, clicks_file(f"{hour:%Y%m%d%H}-{part}", hour, rows=CLICKS_ROWS), CLICKS_ROWS)


def _devices(month: datetime, part: int) -> Upload:
    key = f"devices/month={month:%Y-%m}/part-{part:03d}.parquet"
    return Upload(DEVICES, key, devices_file(key, month, rows=DEVICES_ROWS), DEVICES_ROWS)


def _days(now: datetime) -> list[datetime]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - timedelta(days=ago) for ago in range(DAYS, 0, -1)]


def _hours(now: datetime) -> list[datetime]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    return [hour - timedelta(hours=ago) for ago in range(HOURS, 0, -1)]


def _months(now: datetime) -> list[datetime]:
    """The first days of the last months that are over, oldest first."""
    months = [now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)]
    while len(months) <= MONTHS:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months[:-1]
