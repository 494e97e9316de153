"""The files of a shop: orders in NDJSON, clicks in CSV, tracker reports in Parquet.

Their rows are generated from a seed, so that files of the same seed have the same bytes.
"""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import polars as pl

BAD_ORDERS = (
    '{"order_id": 1, "customer_id": 7, "status": "pa',
    '{"order_id": 2, "customer_id": 7, "status": "paid", "items": 1, "amount": "n/a"}',
    '{"order_id": 3, "customer_id": 7, "status": "paid", "items": 1, "ordered_at": "2026-02-30T10:00:00Z"}',
)
"""Lines that are not valid orders: one is truncated, one has an invalid amount, one has an invalid date."""
COUPONS = (None, None, None, "WELCOME10", "FREESHIP")
STATUSES = ("confirmed", "paid", "shipped", "cancelled")
COUNTRIES = {"DE": "EUR", "FR": "EUR", "GB": "GBP", "PL": "PLN", "US": "USD"}
PAGES = ("/", "/search", "/cart", "/checkout", "/p/kettle", "/p/lamp", "/p/desk")
REFERRERS = ("", "https://search.example/", "https://news.example/daily", "https://social.example/feed")
DEVICES = ("phone", "desktop", "tablet")
TRACKERS = {"TR-100": "2.4.1", "TR-200": "3.0.0", "TR-210": "3.1.2"}

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def orders_file(
    seed: str,
    day: datetime,
    *,
    first_id: int,
    rows: int,
    coupons: bool = False,
    bad_lines: Sequence[str] = (),
) -> bytes:
    """Gzipped NDJSON: the orders of one day, with ids from `first_id` on, and the bad lines in the middle."""
    random = _random(seed)
    orders = [_order(random, day, first_id + row) for row in range(rows)]
    if coupons:
        orders = [order | {"coupon": random.choice(COUPONS)} for order in orders]
    lines = [json.dumps(order) for order in orders]
    lines[rows // 2 : rows // 2] = bad_lines
    return _gzip("".join(f"{line}\n" for line in lines))


def clicks_file(seed: str, hour: datetime, *, rows: int) -> bytes:
    """CSV with a header: the page views of one hour."""
    random = _random(seed)
    clicks = [_click(random, hour, f"{seed}-{row}") for row in range(rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, clicks[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(clicks)
    return text.getvalue().encode()


def devices_file(seed: str, month: datetime, *, rows: int) -> bytes:
    """Parquet: reports of the delivery fleet's trackers in the first four weeks of a month."""
    random = _random(seed)
    reports = [_report(random, month) for _ in range(rows)]
    schema_overrides = {"battery_percent": pl.Int32(), "seen_at": pl.Datetime("us", "UTC")}
    body = io.BytesIO()
    pl.DataFrame(reports, schema_overrides=schema_overrides).write_parquet(body)
    return body.getvalue()


def broken_gzip_file(day: datetime) -> bytes:
    """The first half of a gzipped file."""
    whole = orders_file("broken", day, first_id=0, rows=100)
    return whole[: len(whole) // 2]


def _order(random: Random, day: datetime, order_id: int) -> dict[str, object]:
    country = random.choice(list(COUNTRIES))
    return {
        "order_id": order_id,
        "customer_id": random.randrange(1, 2_000),
        "status": random.choice(STATUSES),
        "items": random.randrange(1, 9),
        "amount": round(random.uniform(5, 400), 2),
        "currency": COUNTRIES[country],
        "country": country,
        "ordered_at": _moment(random, day, DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _click(random: Random, hour: datetime, click_id: str) -> dict[str, object]:
    return {
        "click_id": click_id,
        "session_id": f"{random.getrandbits(48):012x}",
        "customer_id": random.randrange(1, 2_000) if random.random() < 0.4 else "",
        "url": f"https://shop.example{random.choice(PAGES)}",
        "referrer": random.choice(REFERRERS),
        "device": random.choice(DEVICES),
        "load_ms": int(random.lognormvariate(5.5, 0.6)),
        "clicked_at": _moment(random, hour, HOUR).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _report(random: Random, month: datetime) -> dict[str, object]:
    model = random.choice(list(TRACKERS))
    return {
        "device_id": f"van-{random.randrange(1, 250):03d}",
        "model": model,
        "firmware": TRACKERS[model],
        "battery_percent": random.randrange(3, 101),
        "temperature_celsius": round(random.gauss(12, 7), 1),
        "latitude": round(random.uniform(48.0, 54.0), 6),
        "longitude": round(random.uniform(7.0, 15.0), 6),
        "seen_at": _moment(random, month, 28 * DAY),
    }


def _moment(random: Random, start: datetime, within: timedelta) -> datetime:
    return start + timedelta(seconds=random.randrange(int(within.total_seconds())))


def _random(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - sample data, no secrets


def _gzip(text: str) -> bytes:
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)
