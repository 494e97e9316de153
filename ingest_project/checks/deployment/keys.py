"""Tries a table's settings on keys of its bucket: which table and partition they would go to."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ingest_project.checks.deployment.addresses import bucket_arn
from ingest_project.checks.deployment.finding import Finding, ok, problem, warning
from ingest_project.errors import ObjectError, ObjectForbidden, UnroutableObject
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.passed_over import reason_to_pass_over
from ingest_project.sources.s3.markers import is_marker

CHECK = "keys"
LOOK = 500
"""How many keys of a table are tried; S3 lists a thousand with one request."""
EXAMPLES = 3
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class _Tried:
    """Where the first keys of a prefix would go.

    `is_cut`: there are more. `passed_over`: hidden or excluded.
    """

    routed: Counter[str | None]
    unrouted: tuple[UnroutableObject, ...]
    other_suffix: tuple[str, ...]
    is_cut: bool
    passed_over: int = 0

    @property
    def tried(self) -> int:
        return self.routed.total() + len(self.unrouted)

    @property
    def first(self) -> str:
        return "the first " if self.is_cut else ""


def check_keys(services: Services, table: TableSettings) -> Finding:
    """Whether keys under the table's prefix are on its route, and name partitions of it."""
    try:
        tried = _try(services, table)
    except ObjectError as error:
        arn = bucket_arn(table.bucket, services.aws.of_bucket(table.bucket).region)
        remedy = f"grant s3:ListBucket on {arn}"
        if not isinstance(error, ObjectForbidden):
            remedy = f"see the findings about bucket {table.bucket}"
        return warning(CHECK, table.name, f"its keys could not be checked: {error.reason}", remedy)
    if not tried.tried:
        return _nothing(table, tried)
    if tried.unrouted:
        return _some_unrouted(table, tried)
    of = f"{tried.first}{_count(tried.tried, 'key')} of {table.source}"
    return ok(
        CHECK,
        table.name,
        f"all of {of} {_where(tried.routed)}" if tried.tried > 1 else f"{of} {_where(tried.routed)}",
    )


def _try(services: Services, table: TableSettings) -> _Tried:
    found = services.store.list(table.bucket, table.prefix)
    listed = list(islice((one for one in found if not is_marker(one.key, one.size_bytes)), LOOK + 1))
    routed: Counter[str | None] = Counter()
    unrouted: list[UnroutableObject] = []
    other_suffix: list[str] = []
    passed_over = 0
    for one in listed[:LOOK]:
        if not one.key.endswith(table.suffix):
            other_suffix.append(one.key)
            continue
        if reason_to_pass_over(table, one.key):
            passed_over += 1
            continue
        _route(services, table, one, routed, unrouted)
    return _Tried(routed, tuple(unrouted), tuple(other_suffix), len(listed) > LOOK, passed_over)


def _route(
    services: Services,
    table: TableSettings,
    one: ObjectVersion,
    routed: Counter[str | None],
    unrouted: list[UnroutableObject],
) -> None:
    try:
        routed[services.router.route(table.queue, one).partition_key] += 1
    except UnroutableObject as error:
        unrouted.append(error)


def _nothing(table: TableSettings, tried: _Tried) -> Finding:
    remedy = (
        f"aws s3 ls --recursive s3://{table.bucket}/{table.prefix} | head   # then correct prefix and suffix"
    )
    if tried.passed_over:
        keys = _count(tried.passed_over, "key")
        said = f"{tried.first}{keys} of {table.source}: all of them are hidden or excluded"
        return warning(CHECK, table.name, said, "correct `exclude`, or set `hidden_files: ingest`")
    if not tried.other_suffix:
        said = f"there is no key under s3://{table.bucket}/{table.prefix} yet"
        return warning(
            CHECK,
            table.name,
            said,
            f"nothing if files will come, else correct the prefix; to see what is there: {_ls_above(table)}",
        )
    said = (
        f"none of {tried.first}{_count(len(tried.other_suffix), 'key')} under "
        f"s3://{table.bucket}/{table.prefix} ends in {table.suffix!r}: {_examples(tried.other_suffix)}"
    )
    return warning(CHECK, table.name, said, remedy)


def _ls_above(table: TableSettings) -> str:
    folder, slash, _ = table.prefix.rstrip("/").rpartition("/")
    return f"aws s3 ls {shlex.quote(f's3://{table.bucket}/{folder}{slash}')}"


def _some_unrouted(table: TableSettings, tried: _Tried) -> Finding:
    reasons: dict[str, list[str]] = {}
    for error in tried.unrouted:
        reasons.setdefault(error.reason, []).append(error.uri.removeprefix(f"s3://{table.bucket}/"))
    commonest = sorted(reasons.items(), key=lambda pair: -len(pair[1]))[:EXAMPLES]
    examples = "; ".join(f"{_examples(keys[:1])}: {reason}" for reason, keys in commonest)
    keys = f"{tried.first}{_count(tried.tried, 'key')} of {table.source}"
    said = f"{len(tried.unrouted)} of {keys} name no partition: {examples}"
    there = shlex.quote(f"s3://{table.bucket}/{table.prefix}")
    remedy = f"correct partition.pattern; for a suggestion: ingest preview {there}"
    if not tried.routed:
        return problem(CHECK, table.name, said, remedy)
    return warning(CHECK, table.name, f"{said}; the others {_where(tried.routed)}", remedy)


def _where(routed: Counter[str | None]) -> str:
    if set(routed) == {None}:
        return "go to the table"
    keys = sorted(key for key in routed if key is not None)
    shown = keys if len(keys) <= PARTITIONS else [*keys[:2], "...", keys[-1]]
    return f"go to {_count(len(keys), 'partition')}: {', '.join(shown)}"


def _examples(keys: Sequence[str]) -> str:
    return ", ".join(repr(key) for key in keys[:EXAMPLES])


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
