from pathlib import Path

import pytest

from ingest_project_tests.settings.factories import MINIMAL, problems_of, table


@pytest.mark.parametrize(
    ("written", "kind", "takes_away"),
    [
        ("keep", None, False),
        ("delete", "delete", True),
        ("{tag: {ingested: 'true'}}", "tag", False),
        ("{move: 's3://archive/orders/', with_bad_rows: true}", "move", True),
        ("{move: 's3://archive/'}", "move", True),
    ],
)
def test_after_has_a_short_and_a_long_form(written: str, kind: str | None, takes_away: bool) -> None:
    after = table(f"after: {written}").after

    assert (after.kind, after.takes_away) == (kind, takes_away)


@pytest.mark.parametrize(
    ("written", "path", "text"),
    [
        ("archive", "after", "no such action; write keep, delete"),
        ("{with_bad_rows: true}", "after", "no action"),
        ("{delete: true, tag: {a: b}}", "after", "more than one action"),
        ("{move: archive/}", "after.move", "not a place in S3"),
        ("{move: 's3://archive/orders'}", "after.move", "with / at the end"),
        ("{tag: {}}", "after.tag", "name 1 to 10"),
        ("{tag: {'aws:x': b}}", "after.tag", "AWS reserves"),
        ("{tag: {a: 'b<c'}}", "after.tag", "S3 allows 128 characters"),
        (f"{{tag: {{{'k' * 129}: b}}}}", "after.tag", "S3 allows 128 characters"),
        ("{move: 's3://acme-landing/done/'}", "after.move", "on the route of sales.orders"),
    ],
)
def test_faults_are_told_at_their_key(tmp_path: Path, written: str, path: str, text: str) -> None:
    (problem,) = problems_of(tmp_path, f"{MINIMAL}    after: {written}\n")

    assert f"tables[0].{path}: " in problem
    assert text in problem


def test_objects_that_another_queue_reads_are_not_taken_away(tmp_path: Path) -> None:
    other = MINIMAL.replace(
        "queues:\n", "queues:\n  - name: copy\n    url: https://sqs.eu-west-1.amazonaws.com/1/copy\n"
    )
    other += "    after: delete\n  - {name: copies, queue: copy, bucket: acme-landing, format: ndjson}\n"

    (problem,) = problems_of(tmp_path, other)

    assert "tables[0].after: copies reads the same objects by another queue" in problem


def test_objects_are_moved_within_their_bucket_beside_the_route(tmp_path: Path) -> None:
    text = MINIMAL + "    prefix: in/\n    after: {move: 's3://acme-landing/done/'}\n"

    assert problems_of(tmp_path, text) == []
