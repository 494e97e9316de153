"""`ingest send` to queues of the emulator: what arrives, what it says, and what it leaves for another try."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from click.testing import CliRunner, Result

from ingest_project.cli.main import ingest
from ingest_project_tests.fault_trials.proxy import FaultProxy
from ingest_project_tests.fault_trials.proxy_rules import Effect, Rule
from ingest_project_tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def client(aws: str) -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture
def url(client: "SQSClient", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue that the settings call `mine`."""
    url = client.create_queue(QueueName="landing")["QueueUrl"]
    table = {"name": "a.b", "queue": "mine", "bucket": "landing", "format": "text"}
    (tmp_path / "ingest.yaml").write_text(
        yaml.safe_dump({"queues": [{"name": "mine", "url": url}], "tables": [table]})
    )
    monkeypatch.setenv("INGEST_CONFIG", str(tmp_path / "ingest.yaml"))
    return url


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a hundred lines."""
    monkeypatch.setattr("ingest_project.cli.send_input.PART_ENTRIES", 100)


@pytest.fixture
def proxy(aws: str, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy that `ingest` talks to instead of the emulator."""
    made = FaultProxy(aws)
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.endpoint)
    yield made
    made.close()


def run(*arguments: str, stdin: str | bytes = "", code: int = 0) -> Result:
    done = CliRunner().invoke(ingest, ["send", *arguments], input=stdin, env={"COLUMNS": "250"})
    assert done.exit_code == code, done.output
    return done


def ndjson(*entries: dict[str, Any]) -> str:
    return "".join(json.dumps(one) + "\n" for one in entries)


def received(client: "SQSClient", url: str) -> list[Any]:
    found: list[Any] = []
    while batch := client.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages"):
        found.extend(batch)
        for one in batch:
            client.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def bodies(client: "SQSClient", url: str) -> list[str]:
    return sorted(one["Body"] for one in received(client, url))


def test_lines_of_a_file_are_bodies(client: "SQSClient", url: str, tmp_path: Path) -> None:
    path = tmp_path / "bodies.txt"
    path.write_bytes("eins\r\nzwei é\n\ndrei".encode())

    done = run("mine", str(path))

    assert done.stdout.startswith("Sent 3 messages to mine in ")
    assert "Left out 1 empty line." in done.stdout
    assert done.stderr == ""
    assert bodies(client, url) == ["drei", "eins", "zwei é"]


def test_lines_of_stdin_go_to_the_queue_of_a_url(client: "SQSClient", url: str) -> None:
    run(url, "-", stdin="a\nb\n")
    run(url, stdin="c\n")

    assert bodies(client, url) == ["a", "b", "c"]


def test_url_needs_no_settings(
    client: "SQSClient", url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INGEST_CONFIG")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ingest.yaml").unlink()

    run(url, stdin="a\n")

    assert bodies(client, url) == ["a"]


def test_ndjson_lines_are_entries_with_the_keys_of_sqs(client: "SQSClient", url: str) -> None:
    attributes = {
        "kind": {"DataType": "String", "StringValue": "order"},
        "raw": {"DataType": "Binary", "BinaryValue": "AAE="},
    }

    run("mine", "--format", "ndjson", stdin=ndjson({"MessageBody": "x", "MessageAttributes": attributes}))

    (message,) = received(client, url)
    assert message["Body"] == "x"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "order"
    assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\x01"


@pytest.mark.usefixtures("small_parts")
def test_large_input_is_sent_in_parts_and_in_order_of_its_group(client: "SQSClient", url: str) -> None:
    fifo = client.create_queue(QueueName="f.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

    done = run(fifo, "--group-id", "g", "--json", stdin="".join(f"{n}\n" for n in range(130)))

    assert json.loads(done.stdout)["sent"] == 130
    messages = received(client, fifo)
    assert [one["Body"] for one in messages] == [str(n) for n in range(130)]
    assert {one["Attributes"]["MessageGroupId"] for one in messages} == {"g"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{broken", "line 2: not JSON: "),
        (b"[1]", "line 2: not a JSON object"),
        (b'{"order_id": 1}', "line 2: unknown key 'order_id'"),
        (b'{"MessageBody": 7}', "line 2: MessageBody is an int, not a string"),
        (b'{"MessageBody": "x", "Id": "1"}', "line 2: its Id '1' is that of line 1 too"),
        (b'{"MessageBody": "\xff"}', "line 2: not UTF-8 at byte 17"),
    ],
)
def test_file_with_a_wrong_line_is_refused_before_anything_is_sent(
    client: "SQSClient", url: str, tmp_path: Path, line: bytes, expected: str
) -> None:
    path = tmp_path / "entries.ndjson"
    path.write_bytes(b'{"MessageBody": "first"}\n' + line + b"\n")

    done = run("mine", str(path), "--format", "ndjson", code=2)

    assert f"error: {expected}" in done.stderr
    assert bodies(client, url) == []


@pytest.mark.usefixtures("small_parts")
def test_wrong_line_of_stdin_ends_the_input_and_says_what_was_sent(client: "SQSClient", url: str) -> None:
    good = ndjson(*({"MessageBody": str(n)} for n in range(105)))

    done = run("mine", "--format", "ndjson", stdin=good + "broken\n", code=2)

    assert "100 messages sent and 0 failed before this, of the first 100 lines" in done.stderr
    assert "error: line 106: not JSON" in done.stderr
    assert len(received(client, url)) == 100


def test_what_failed_is_kept_and_can_be_sent_again(client: "SQSClient", url: str, tmp_path: Path) -> None:
    kept = tmp_path / "failed.ndjson"
    raw = {"DataType": "Binary", "BinaryValue": "AAE="}
    stdin = ndjson(
        {"Id": "good", "MessageBody": "1"},
        {"Id": "bad", "MessageBody": "2", "DelaySeconds": 901, "MessageAttributes": {"raw": raw}},
    )

    done = run("mine", "--format", "ndjson", "--failed", str(kept), stdin=stdin, code=1)

    assert "Sent 1 message to mine" in done.stdout
    assert "1 failed with InvalidParameterValue: DelaySeconds 901 is not within 0 and 900 (Id bad)" in (
        done.stdout
    )
    (failed,) = (json.loads(line) for line in kept.read_text().splitlines())
    assert failed["Error"]["SenderFault"] is True
    kept.write_text(kept.read_text().replace("901", "0"))
    assert f"`ingest send mine {kept} --format ndjson` sends what failed again" in done.stdout
    run("mine", str(kept), "--format", "ndjson")
    assert bodies(client, url) == ["1", "2"]


def test_entries_that_sqs_failed_are_tried_again(client: "SQSClient", url: str, proxy: FaultProxy) -> None:
    proxy.rules.add(Rule("SendMessageBatch", Effect.REFUSE_SOME, times=2))

    run("mine", stdin="".join(f"{n}\n" for n in range(30)))

    assert len(bodies(client, url)) == 30


def test_outage_stops_and_says_where(
    client: "SQSClient", url: str, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest_project.sources.sqs.send.FIRST_PAUSE_SECONDS", 0.01)
    proxy.rules.add(Rule("SendMessageBatch", Effect.THROTTLE, times=1_000_000))
    kept = tmp_path / "failed.ndjson"
    stdin = "".join(f"{n}\n" for n in range(2_500))

    done = run("mine", "--max-trials", "1", "--json", "--failed", str(kept), stdin=stdin, code=1)

    answer = json.loads(done.stdout)
    assert (answer["sent"], answer["failed"], answer["stopped_after_line"]) == (0, 1_000, 1_000)
    assert answer["errors"] == {"QueueUnavailable": 1_000}
    assert len(kept.read_text().splitlines()) == 1_000


def test_rate_is_kept(client: "SQSClient", url: str) -> None:
    began = time.monotonic()

    run("mine", "--rate", "20", stdin="".join(f"{n}\n" for n in range(30)))

    assert time.monotonic() - began >= 1  # the first ten do not wait
    assert len(bodies(client, url)) == 30


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("yours",), "the settings have no queue 'yours'; known are mine"),
        (("mine", "--rate", "0"), "--rate"),
        (("mine", "--failed", "/no/such/folder/file"), "--failed"),
    ],
)
def test_wrong_usage_is_named(url: str, arguments: tuple[str, ...], expected: str) -> None:
    assert expected in run(*arguments, stdin="x\n", code=2).stderr


def test_failures_are_not_written_over_the_input(url: str, tmp_path: Path) -> None:
    path = tmp_path / "failed.ndjson"
    path.write_text(ndjson({"MessageBody": "x"}))

    run("mine", str(path), "--format", "ndjson", "--failed", str(path), code=2)

    assert path.read_text() == ndjson({"MessageBody": "x"})


def test_missing_queue_is_one_line(url: str, tmp_path: Path) -> None:
    done = run(f"{url}-missing", stdin="x\n", code=1)

    assert "NonExistentQueue" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.output


def test_progress_bar_is_shown_on_a_terminal_only(url: str, tmp_path: Path) -> None:
    path = tmp_path / "bodies.txt"
    path.write_text("".join(f"{n}\n" for n in range(300)))
    main, terminal = os.openpty()
    shown: list[bytes] = []
    reader = threading.Thread(target=drain, args=(main, shown))  # a full terminal would block the command
    reader.start()

    done = subprocess.run(
        [sys.executable, "-c", "from ingest_project.cli.main import main; main()", "send", "mine", path],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=terminal,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    os.close(terminal)
    reader.join(PATIENCE_SECONDS)
    os.close(main)

    assert b"Sent 300 messages" in done.stdout
    assert b"sending" in b"".join(shown)
    assert b"/s" in b"".join(shown)


def drain(terminal: int, into: list[bytes]) -> None:
    with suppress(OSError):  # how a terminal that nobody has open ends
        while chunk := os.read(terminal, 65_536):
            into.append(chunk)
