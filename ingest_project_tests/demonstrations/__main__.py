"""`make shown`: shows on an emulated AWS, with many objects and messages, what the pages promise.

`lost`: a reconciliation finds just the objects whose events were lost, by a listing and by S3 Inventories.
`load`: the first load of a prefix of 100,000 keys, killed twice. `sink`: messages are sent through a proxy
that fails entries and loses answers, and beside a plain loop of boto3. `raw`: messages become rows, some of
them after a redrive. Exits with 1 if something is not as promised.
"""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ingest_project_tests import databases
from ingest_project_tests.bench.landing import ministack
from ingest_project_tests.demonstrations import first_load, lost_events, raw_messages, sink
from ingest_project_tests.demonstrations.shown import NotShown, Shown, tell

DEMONSTRATIONS: dict[str, tuple[Callable[[Shown, int], None], int]] = {
    "lost": (lost_events.show, 20_000),
    "load": (first_load.show, 100_000),
    "sink": (sink.show, 5_000),
    "raw": (raw_messages.show, 5_000),
}
"""By name: what shows it, and with how many objects or messages."""


def main(arguments: list[str] | None = None) -> int:
    """0 if all that was asked for is shown."""
    parser = argparse.ArgumentParser(prog="demonstrations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(DEMONSTRATIONS)}; all")
    parser.add_argument("--count", type=int, help="of objects or messages, instead of the usual number")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - DEMONSTRATIONS.keys():
        parser.error(f"there is no demonstration {', '.join(sorted(unknown))}")
    logging.getLogger("ingest_project").setLevel(logging.ERROR)  # much is broken on purpose
    for name in asked.names or DEMONSTRATIONS:
        show, count = DEMONSTRATIONS[name]
        tell(f"{name}:")
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"shown-{name}-")))
            endpoint = stack.enter_context(ministack(home))
            shown = Shown(home, endpoint, databases.sqlite(home))
            os.environ.update(shown.environment)
            stack.callback(shown.close)
            try:
                show(shown, asked.count or count)
            except NotShown as error:
                tell(f"NOT SHOWN: {error}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
