"""What lands in the demo's bucket, in which order, with the mishaps that a real bucket sees."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

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
TABLES = (ORDERS, CLICKS, DEVICES)

NOT_AN_EVENT = '{"greeting": "sent by hand, and to the wrong queue"}'
"""A message that no S3 bucket sent."""

DAYS, ORDERS_FILES, ORDERS_ROWS = 14, 8, 300
HOURS, CLICKS_FILES, CLICKS_ROWS = 48, 3, 200
MONTHS, DEVICES_FILES, DEVICES_ROWS = 6, 4, 500
WITH_BAD_ROWS = (3, 5)
"""The file of orders that has some: of how many days ago, and which part."""
LATE_HOURS = 6
MIDSUMMER = datetime(2026, 7, 1, tzinfo=UTC)
"""The tables of ingest.yaml start in January 2026; six months of data cannot end before this."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One write of one key. `rows` is None for an object that cannot be read; `bad_rows` come on top of `rows`."""

    table: str
    key: str
    body: bytes = field(repr=False)
    rows: int | None
    bad_rows: int = 0


@dataclass(frozen=True, slots=True)
class SampleData:
    """Everything that is uploaded, in order: `first`, and `later`, once the first part is in the tables.

    In `first`, one object is uploaded twice with the same bytes, one is overwritten before anybody read it, one has
    bad rows among its good ones, and one cannot be read. In `later`, one that is in its table by then is overwritten,
    and the new orders have a field that their table has no column for.
    """

    first: tuple[Upload, ...]
    later: tuple[Upload, ...]

    @property
    def all(self) -> tuple[Upload, ...]:
        return self.first + self.later


def sample_data(now: datetime) -> SampleData:
    """Two weeks of orders, two days of clicks and six months of tracker reports, up to the hour, day and month of `now`."""
    hour = max(now, MIDSUMMER).replace(minute=0, second=0, microsecond=0)
    today = hour.replace(hour=0)
    orders = [
        _orders(today - timedelta(days=ago), part, coupons=ago == 0, bad=(ago, part) == WITH_BAD_ROWS)
        for ago in reversed(range(DAYS))
        for part in range(ORDERS_FILES)
    ]
    clicks = [
        _clicks(hour - timedelta(hours=ago), part)
        for ago in reversed(range(HOURS))
        for part in range(CLICKS_FILES)
    ]
    devices = [_devices(month, part) for month in _months(today) for part in range(DEVICES_FILES)]
    late_clicks = LATE_HOURS * CLICKS_FILES
    yesterday = today - timedelta(days=1)
    return SampleData(
        first=(
            *orders[:-ORDERS_FILES],
            *clicks[:-late_clicks],
            *devices,
            clicks[0],
            _orders(yesterday, 0, corrected=True),
            Upload(ORDERS, _orders_key(yesterday, ORDERS_FILES), broken_gzip_file(yesterday), rows=None),
        ),
        later=(*orders[-ORDERS_FILES:], *clicks[-late_clicks:], _orders(yesterday, 1, corrected=True)),
    )


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


def _months(today: datetime) -> list[datetime]:
    """The first days of the last months up to today's, oldest first."""
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    return months
