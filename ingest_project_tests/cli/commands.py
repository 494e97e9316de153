"""Runs `ingest` on a landing zone in the emulator, and says what it printed."""

import json
from typing import Any

from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project_tests.factories import Zone, order_key


def run(zone: Zone, *arguments: str) -> Result:
    return CliRunner().invoke(
        ingest, ["--config", str(zone.landing.settings_path), *arguments], env={"COLUMNS": "250"}
    )


def answer(zone: Zone, *arguments: str) -> Any:
    return json.loads(run(zone, *arguments, "--json").stdout)


def one_good_and_one_bad(zone: Zone) -> None:
    zone.put_orders("good", 1, 2)
    zone.put(order_key("bad"), b"{broken")
    zone.ingest_one()
    zone.acknowledge()
