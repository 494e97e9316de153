"""Jobs for people, as the API answers them: a line for each, all of one, and a bar while one is awaited."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from ingest_project.reports.counted_bar import CountedBar
from ingest_project.reports.listing import Listing
from ingest_project.reports.terminal import cell
from ingest_project.settings.wording import plural

STYLES = {"completed": "green", "failed": "bold red", "cancelled": "red"}
Status = Mapping[str, Any]


class JobBar:
    """A bar on stderr, if that is a terminal: the state of a job, and how far its objects are."""

    def __init__(self, job_id: str) -> None:
        self._bar = CountedBar(f"job {job_id}")

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def show(self, status: Status) -> None:
        """Show the job as it is now."""
        progress = status.get("progress") or {}
        done, of_all = progress.get("objects_done"), progress.get("objects_total")
        if done is None or not of_all:
            done, of_all = progress.get("bytes_done"), progress.get("bytes_total")
        self._bar.update(
            completed=done or 0, total=of_all or None, counts=", ".join([status["state"], *_counts(progress)])
        )


def render_job(status: Status, console: Console) -> None:
    """Print all that is known of a job."""
    console.print(cell(f"job {status['id']}", "bold"), soft_wrap=True)
    grid = Table.grid(padding=(0, 2, 0, 2))
    for name, value in _facts(status):
        if value:
            grid.add_row(cell(name, "dim"), cell(value, STYLES.get(value, "") if name == "state" else ""))
    console.print(grid)
    if manifest := status.get("manifest"):
        # Never wrapped: it is to be copied.
        console.print(cell(f"  {manifest['url']}", "cyan"), soft_wrap=True)


def render_jobs(found: Sequence[Status], console: Console) -> None:
    """Print a line for each job."""
    if not found:
        console.print("There are no such jobs.")
        return
    listing = Listing("id", "job", "state", "submitted (UTC)", "ended (UTC)", "#attempts", "requester", "why")
    for one in found:
        listing.add(
            cell(one["id"]), cell(one["job"]), cell(one["state"], STYLES.get(one["state"], "")),
            cell(_time(one["submitted_at"])), cell(_time(one["ended_at"])), cell(str(one["attempts"])),
            cell(one["requester"]), cell(_why(one)),
        )  # fmt: skip
    listing.print(console, name="id")


def _facts(one: Status) -> Iterator[tuple[str, str]]:
    yield "kind", one["job"]
    yield "state", one["state"]
    yield "why", _why(one)
    yield "requester", one["requester"]
    for name in ("submitted", "queued", "started", "ended"):
        yield name, _time(one[f"{name}_at"])
    yield "attempts", str(one["attempts"] or "")
    if one["cancel_requested"] and one["state"] != "cancelled":
        yield "cancelled", "asked for"
    yield "progress", ", ".join(_counts(one.get("progress") or {}))
    for name, value in (one.get("result") or {}).items():
        if isinstance(value, str | int | float):
            yield name, f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    if manifest := one.get("manifest"):
        yield "result", f"manifest at this link until {_time(manifest['expires_at'])}"


def _counts(progress: Mapping[str, Any]) -> Iterator[str]:
    for done, of_all, what in (
        (progress.get("objects_done"), progress.get("objects_total"), "objects"),
        (progress.get("bytes_done"), progress.get("bytes_total"), "bytes"),
    ):
        if done is not None:
            yield f"{done:,} of {of_all:,} {what}" if of_all is not None else f"{done:,} {what}"
    if (rows := progress.get("rows")) is not None:
        yield plural(rows, "row")


def _why(one: Status) -> str:
    error = one.get("error") or {}
    return ": ".join(str(part) for part in (error.get("class"), error.get("reason")) if part)


def _time(written: str | None) -> str:
    return "" if written is None else f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
