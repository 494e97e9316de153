"""`ingest preview` on a landing zone in the emulator: its output, and that the written entry ingests."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project_tests.factories import QUEUE, Zone, orders_table
from ingest_project_tests.landing import BUCKET, DLQ_ARN
from ingest_project_tests.preview.factories import ndjson

HOSTILE = {
    "a: b": 1, "- x": 2, "#": 3, "no": 4, "'": 5, '"': 6, "line\nend": 7, "\x1b[2J": 8, "${HOME}": 9,
    "Case": 10, "case": 11,
    "_batch_id": 12, "x.y": 13, "x": {"y": 14}, "ключ": 15, "1": 16, "a`b": 17, "[z]": 18,
}  # fmt: skip


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def run(zone: Zone, *arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(
        ingest,
        ["--config", str(zone.landing.settings_path), "preview", *arguments],
        env={"COLUMNS": "250"},
    )
    assert done.exit_code == code, done.output
    return done


def answer(zone: Zone, *arguments: str, code: int = 0) -> Any:
    return json.loads(run(zone, *arguments, "--json", code=code).stdout)


def uri(prefix: str) -> str:
    return f"s3://{BUCKET}/{prefix}"


def put_shop(zone: Zone) -> None:
    for day in ("2026-11-20", "2026-11-21"):
        rows = [
            {
                "id": number,
                "name": f"n{number}",
                "zip": "00501",
                "sold_at": f"{day}T13:00:0{number}Z",
                "price": None,
            }
            for number in range(3)
        ]
        zone.put(f"shop/dt={day}/a.ndjson.gz", gzip.compress(ndjson(*rows)))
    zone.put("shop/_SUCCESS", b"")


def test_people_see_objects_columns_sample_and_partitions(zone: Zone) -> None:
    put_shop(zone)

    shown = run(zone, uri("shop/")).stdout

    for word in (
        "2 objects", "1 without rows (empty or markers)", "shop/dt=2026-11-21/a.ndjson.gz", "gzip",
        "format: ndjson", "timestamptz", "6 of 6",
        "leading zeros", "partition: day, 2 in the keys", "partition_spec: day(sold_at)",
        "does not exist yet",
    ):  # fmt: skip
        assert word in shown, word


def test_programs_get_the_same_and_the_entry(zone: Zone) -> None:
    put_shop(zone)

    (found,) = answer(zone, uri("shop/"))["previews"]

    assert found["objects"]["count"] == 2
    assert found["columns"][0] == {
        "name": "id", "type": "long", "inferred": "long", "nullable": False, "null_rows": 0, "rows": 6,
        "objects": 2,
        "sampled": 2, "examples": ["0", "1", "2"], "notes": [], "remedy": None,
    }  # fmt: skip
    (entry,) = yaml.safe_load(found["entry"])
    assert entry["columns"] == {"id": "long", "name": "string", "zip": "string", "sold_at": "timestamptz"}


def test_preview_opens_no_ledger_and_consumes_nothing(zone: Zone) -> None:
    put_shop(zone)
    before = zone.queue.attributes()
    ledger = zone.landing.folder / "ledger.db"
    ledger.unlink()

    run(zone, uri("shop/"))

    assert not ledger.exists()
    assert zone.queue.attributes() == before
    assert len(zone.landing.s3.list_objects_v2(Bucket=BUCKET)["Contents"]) == 3


def test_nothing_found_and_nothing_readable_is_exit_code_1(zone: Zone) -> None:
    zone.put("bad/a.parquet", b"PAR1 but no more")

    run(zone, uri("none/"), code=1)
    assert "none of these objects could be read" in run(zone, uri("bad/"), code=1).stdout
    assert answer(zone, uri("bad/"), "--write", code=1)["written"] is None
    assert "NoSuchBucket" in run(zone, "s3://nobodys-bucket/x", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ((), "s3://BUCKET/PREFIX, or --queue"),
        (("s3://b/x", "--queue", QUEUE), "s3://BUCKET/PREFIX, or --queue"),
        (("b/x",), "is not a place in S3"),
        (("s3://",), "is not a place in S3"),
        (("--queue", "other"), "known are landing"),
    ],
)
def test_wrong_usage_is_reported(zone: Zone, arguments: tuple[str, ...], remedy: str) -> None:
    assert remedy in run(zone, *arguments, code=2).stderr


def test_keys_and_values_cannot_command_the_terminal(zone: Zone) -> None:
    zone.put("evil/\x1b[31mred[bold].ndjson", ndjson({"\x1b]0;title\x07": "\x1b[2J[link=x]"}))

    shown = run(zone, uri("evil/")).stdout

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b[2J[link=x]" in shown
    assert "red[bold].ndjson" in shown


def test_written_entry_is_commented_and_every_other_byte_stays(zone: Zone) -> None:
    put_shop(zone)
    path = zone.landing.settings_path
    text = path.read_text().replace("tables:\n", "# mine: ${NOT_HERE:-kept}\ntables:   # all of them\n")
    path.write_text(text)

    done = run(zone, uri("shop/"), "--write", "--table", "raw.shop")

    after = path.read_text()
    assert after.startswith(text)
    assert "written: table raw.shop" in done.stdout
    assert "# null in 6 of 6 rows" not in after
    assert "# price: null - left out: only nulls or empty values were seen" in after
    assert "seen" in after.removeprefix(text)
    assert zone.landing.services().settings.table("raw.shop").partition_spec == ["day(sold_at)"]


def ingested(zone: Zone, prefix: str) -> Zone:
    """The deployment after the prefix's preview was written; what is there already is announced again."""
    written = answer(zone, uri(prefix), "--write", "--table", "raw.things")
    assert written["written"] == "raw.things"
    after = zone.restarted()
    after.ingest()
    states = after.states("raw.things")
    hidden = {key for key in states if key.endswith("/_SUCCESS")}
    assert {key for key, state in states.items() if state == "skipped"} == hidden
    assert {states[key] for key in states.keys() - hidden} == {"committed"}
    return after


def test_written_entry_ingests_what_was_previewed(zone: Zone) -> None:
    put_shop(zone)

    after = ingested(zone, "shop/")

    rows = after.rows("raw.things").sort("sold_at")
    assert rows["id"].to_list() == [0, 1, 2] * 2
    assert rows["zip"].unique().to_list() == ["00501"]
    assert str(rows.schema["sold_at"]) == "Datetime(time_unit='us', time_zone='UTC')"
    assert after.acknowledge().deleted == 3, "of both objects and of the marker"


def test_written_entry_ingests_csv_of_another_country(zone: Zone) -> None:
    body = '# Export\nNr;Größe;"Preis; netto"\r\n007;1.5;12.50\r\n008;;NULL\r\n009;2;7.00\r\n'
    zone.put("kunden/2026/11/20/a.csv", body.encode("latin-1"))

    rows = ingested(zone, "kunden/").rows("raw.things").sort("Nr")

    assert rows["Nr"].to_list() == ["007", "008", "009"]
    assert rows["Größe"].to_list() == [1.5, None, 2.0]
    assert [str(value) for value in rows["Preis; netto"].to_list()] == ["12.50", "None", "7.00"]


def test_written_entry_ingests_csv_without_a_header(zone: Zone) -> None:
    zone.put("raw/a.csv", b"1|anna|\n2|bert|\n")

    rows = ingested(zone, "raw/").rows("raw.things").sort("column_1")

    assert rows.select("column_1", "column_2", "column_3").rows() == [(1, "anna", None), (2, "bert", None)]


def test_written_entry_ingests_documents(zone: Zone) -> None:
    zone.put("api/1.json", json.dumps({"data": {"items": [{"id": 1}, {"id": 2}]}}, indent=2).encode())

    assert sorted(ingested(zone, "api/").rows("raw.things")["id"].to_list()) == [1, 2]


def test_hostile_columns_are_written_so_that_they_load_and_ingest(zone: Zone) -> None:
    zone.put("evil/a.ndjson", ndjson(HOSTILE))

    (row,) = ingested(zone, "evil/").rows("raw.things").to_dicts()

    renamed = {
        "line\nend": "line_end", "\x1b[2J": "column_2J", "case": "case_2", "_batch_id": "batch_id",
        "x.y": "x_y",
    }  # fmt: skip
    expected = {renamed.get(name, name): value for name, value in HOSTILE.items()}
    assert {name: value for name, value in row.items() if name not in PROVENANCE_COLUMNS} == expected


def test_nested_values_without_a_whole_type_are_written_and_ingest(zone: Zone) -> None:
    row = {
        "id": 1, "half": {"a": 1, "empty": [], "none": None}, "bad": {"x\ty": 2}, "blank": {"": 1},
        "none": [],
        "good": {"a": [1]},
    }  # fmt: skip
    zone.put("nested/a.ndjson", ndjson(row))

    (found,) = ingested(zone, "nested/").rows("raw.things").to_dicts()

    assert found["half"] == {"a": 1}
    assert json.loads(found["bad"], strict=False) == row["bad"]  # Polars writes the tab as it is
    assert json.loads(found["blank"]) == row["blank"]
    assert found["good"] == row["good"]
    assert "none" not in found


@pytest.mark.parametrize("width", [80, 200])
def test_output_is_as_wide_as_the_terminal_and_each_row_a_line(zone: Zone, width: int) -> None:
    row = {f"a_column_of_a_long_name_{number}": {"text": "x" * 90} for number in range(9)}
    zone.put("wide/a.ndjson", ndjson(row, row))

    done = CliRunner().invoke(
        ingest,
        ["--config", str(zone.landing.settings_path), "preview", uri("wide/")],
        env={"COLUMNS": str(width)},
    )

    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines if line[:1] in "┏┃┡│└") <= width
    assert sum('{"text": "xxx' in line for line in lines) == 9 + 2, "columns, and rows of the sample"
    assert f"there is no room for {7 if width == 80 else 2} more columns" in done.stdout
    assert "--write adds table acme_landing.wide" in done.stdout


def test_name_and_route_that_are_taken_are_refused_and_nothing_is_written(zone: Zone) -> None:
    zone.put("orders/dt=2026-11-20/a.ndjson", ndjson({"order_id": 1}))
    zone.put("shop/a.ndjson", ndjson({"id": 1}))
    before = zone.landing.settings_path.read_bytes()

    taken = run(zone, uri("shop/"), "--write", "--table", "SALES.orders", code=2).stderr
    overlap = run(zone, uri("orders/dt=2026-11-20/"), "--write", "--table", "a.b", code=2).stderr
    no_name = run(zone, uri("shop/"), "--write", "--table", "no name", code=2).stderr

    assert "have a table sales.orders already" in taken
    assert "overlaps that of sales.orders" in overlap
    assert "namespace and table" in no_name
    assert zone.landing.settings_path.read_bytes() == before


def test_table_whose_route_takes_the_objects_is_compared_with(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put("orders/dt=2026-11-20/b.ndjson", ndjson({"order_id": 2, "coupon": "X"}))

    (found,) = answer(zone, uri("orders/"))["previews"]

    assert found["table"] == "sales.orders"
    assert {one["name"]: one["verdict"] for one in found["mapping"]["columns"]} == {
        "order_id": "same", "coupon": "extra",
    }  # fmt: skip
    assert "the table lacks it" in run(zone, uri("orders/")).stdout


def test_queue_is_previewed_by_table_and_folder_and_its_messages_stay(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put("new/dt=2026-11-20/a.csv", b"id,name\n1,x\n")
    zone.put("gone/a.csv", b"id\n1\n")
    zone.delete("gone/a.csv")

    found = answer(zone, "--queue", QUEUE, code=1)

    assert found["queue"]["looked_at"] == 3
    assert found["queue"]["highest_receive_count"] == 1
    assert [one["uri"] for one in found["previews"]] == [uri("gone/"), uri("new/"), uri("orders/")]
    assert "no such object" in found["previews"][0]["sampled"][0]["problem"]
    assert found["previews"][2]["table"] == "sales.orders"
    assert zone.queue.attributes().visible == 3
    shown = run(zone, "--queue", QUEUE, code=1).stdout
    assert re.search(
        r"looked at 3.*receive counts are now up to 2 \(maxReceiveCount is 5\)", shown, re.DOTALL
    )


def test_queue_with_one_receive_is_not_looked_into(zone: Zone) -> None:
    zone.put_orders("a", 1)
    policy = json.dumps({"deadLetterTargetArn": DLQ_ARN, "maxReceiveCount": "1"})
    zone.landing.set_queue(RedrivePolicy=policy)

    assert "was not looked into" in run(zone, "--queue", QUEUE, code=1).stdout


def test_what_a_queue_names_is_written_if_it_is_one_new_table(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put("new/dt=2026-11-20/a.csv", b"id,name\n1,x\n")

    assert answer(zone, "--queue", QUEUE, "--write")["written"] == "acme_landing.new"
    assert zone.landing.services().settings.table("acme_landing.new").queue == QUEUE

    zone.put("one/a.csv", b"id,name\n1,x\n")
    zone.put("two/a.csv", b"id,name\n1,x\n")
    assert "preview them one by one" in run(zone, "--queue", QUEUE, "--write", code=2).stderr


def test_queue_of_the_entry_is_asked_for_if_there_are_several(zone: Zone) -> None:
    boto3.client("sqs").create_queue(QueueName="second")
    queues = [
        {"name": QUEUE, "url": zone.landing.queue_url},
        {"name": "second", "url": zone.landing.queue_url.replace("/landing", "/second")},
    ]
    zone.landing.write(queues=queues, tables=[orders_table()])
    zone.put("shop/a.csv", b"id,name\n1,x\n")

    assert "--into-queue, one of landing, second" in run(zone, uri("shop/"), "--write", code=2).stderr
    run(zone, uri("shop/"), "--write", "--into-queue", "second", "--table", "a.shop")
    assert zone.landing.services().settings.table("a.shop").queue == "second"


def test_first_table_of_settings_without_tables(zone: Zone) -> None:
    path = zone.landing.settings_path
    document = {key: value for key, value in zone.landing.document().items() if key != "tables"}
    path.write_text(f"{yaml.safe_dump(document)}tables: []  # none yet\n")
    put_shop(zone)

    run(zone, uri("shop/"), "--write")

    assert [table.name for table in zone.landing.services().settings.tables] == ["acme_landing.shop"]


def test_without_settings_a_prefix_can_be_previewed_and_nothing_written(
    zone: Zone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_shop(zone)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.delenv("INGEST_CONFIG", raising=False)

    shown = CliRunner().invoke(ingest, ["preview", uri("shop/")], env={"COLUMNS": "250"})
    refused = CliRunner().invoke(ingest, ["preview", uri("shop/"), "--write"])

    assert shown.exit_code == 0, shown.output
    assert "format: ndjson" in shown.stdout
    assert refused.exit_code == 2
    assert "does not exist" in refused.stderr
    assert list(empty.iterdir()) == []
