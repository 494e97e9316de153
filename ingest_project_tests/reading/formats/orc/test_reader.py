"""ORC files: their types, damage that ends the process that reads them, and their bounds."""

import gc
import io
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc

from ingest_project.errors import ObjectOutOfResources, ObjectUnavailable
from ingest_project.reading.formats.orc import process
from ingest_project.reading.formats.orc.reader import decoded_bytes
from ingest_project.reading.limits import Limits, OrcLimits
from ingest_project.reading.parse import Reading
from ingest_project.reading.spelling import Spelling
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.streams import cut

FIVE_THOUSAND, THREE_THOUSAND = b"\x88\x27", b"\xb8\x17"
"""As Protobuf writes these numbers."""


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    orc.write_table(table, sink, **options)
    return sink.getvalue()


def fatal() -> bytes:
    """A file with one flipped bit that ends a process with PyArrow 26 by a segmentation fault."""
    texts = [f"é {number}" if number % 3 else None for number in range(40)]
    body = bytearray(written(pa.table({"b": texts}), compression="uncompressed"))
    body[55] ^= 1
    return bytes(body)


def test_a_file_that_ends_the_process_that_reads_it_fails_alone() -> None:
    good = written(pa.table({"b": ["x"]}))

    result = read(good, fatal(), good, file_format="orc")

    assert list(reasons(result)) == ["1"]
    assert reasons(result)["1"].startswith("unreadable: it is not a valid orc file: ")
    assert values(result, "b") == ["x", "x"]


def test_a_process_that_was_killed_is_no_fault_of_the_object() -> None:
    class Killing(io.RawIOBase):
        """Stands for a file; the process that is to read it is killed before it can."""

        def fileno(self) -> int:
            idle._popen.send_signal(signal.SIGKILL)
            return os.open(os.devnull, os.O_RDONLY)

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

    read(written(pa.table({"n": [1]})), file_format="orc")
    (*_, idle) = process._idle

    with pytest.raises(ObjectOutOfResources, match="SIGKILL"):
        process.about(Killing(), "s3://b/k")  # type: ignore[arg-type]

    assert idle not in process._idle
    assert values(read(written(pa.table({"n": [1]})), file_format="orc"), "n") == [1]


def test_a_process_that_gives_no_answer_fails_its_file_and_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "_idle", [])
    monkeypatch.setattr(process, "LIMITS", Limits(orc=OrcLimits(silent_seconds=20)))
    body = written(pa.table({"n": [1]}))
    read(body, file_format="orc")
    (idle,) = process._idle
    idle._connection.settimeout(0.2)
    idle._popen.send_signal(signal.SIGSTOP)

    with TemporaryFile() as file, pytest.raises(ValueError, match="gave no answer within"):
        process.about(file, "")

    assert idle._popen.poll() == -signal.SIGKILL
    assert values(read(body, file_format="orc"), "n") == [1]
    process._close_all()


def test_abandoned_reading_ends_its_process_once_it_is_collected() -> None:
    with TemporaryFile() as file:
        file.write(written(pa.table({"n": [1]})))
        found = process.tables(file, "")
        next(found)
        (busy,) = process._busy
        cycle: list[Any] = [found]
        cycle.append(cycle)

        del found, cycle
        gc.collect()

        assert busy._popen.returncode is not None
        assert busy not in process._busy


def test_one_process_reads_many_files() -> None:
    bodies = [written(pa.table({"n": [number]})) for number in range(20)]
    read(*bodies, file_format="orc")
    (*_, idle) = process._idle

    result = read(*bodies, file_format="orc")

    assert values(result, "n") == list(range(20))
    assert process._idle == [idle]


def test_times_are_exact_and_far_ones_make_the_file_unreadable() -> None:
    near = [datetime(1678, 1, 1), datetime(2262, 1, 1, 0, 0, 0, 1), None]  # noqa: DTZ001
    column = pa.array(near, pa.timestamp("us"))
    instants = pa.array([one and one.replace(tzinfo=UTC) for one in near], pa.timestamp("us", "UTC"))
    far = pa.array([datetime(2300, 1, 1)], pa.timestamp("us"))  # noqa: DTZ001
    columns = {"t": "timestamp", "z": "timestamptz"}

    result = read(
        written(pa.table({"t": column, "z": instants})),
        written(pa.table({"t": far})),
        columns=columns,
        file_format="orc",
    )

    assert values(result, "t") == near
    assert values(result, "z") == [one and one.replace(tzinfo=UTC) for one in near]
    assert "out of range for nanosecond resolution" in reasons(result)["1"]


def test_bad_rows_are_set_aside_as_those_of_parquet() -> None:
    body = written(pa.table({"n": [1, 2**40, 3]}))

    result = read_objects(fetched(body), Reading("orc", Target({"n": "int"}, "fail"), quarantines=True))

    assert values(result, "n") == [1, 3]
    assert result.rejected is not None
    assert result.rejected.select("line_number", "raw", "column_name").rows() == [
        (2, '{"n": 1099511627776}', "n")
    ]


def test_names_are_known_before_files_are_read() -> None:
    bodies = [written(pa.table({"ID": [1]})), written(pa.table({"id": [2]}))]
    target = Target(None, spelling=Spelling())

    assert values(read_objects(fetched(*bodies), Reading("orc", target)), "ID") == [1, 2]


def test_columns_with_dots_in_their_names_are_read() -> None:
    result = read(written(pa.table({"a.b": [2]})), file_format="orc")

    assert values(result, "a.b") == [2]


def test_equal_values_count_as_what_they_become() -> None:
    body = written(pa.table({"n": [7] * 1_000_000}))

    assert len(body) < 100_000
    assert decoded_bytes(body) == 8_000_000
    assert decoded_bytes(b"ORC and nothing") == len(b"ORC and nothing")


def test_a_stripe_is_read_in_pieces() -> None:
    body = written(pa.table({"n": list(range(50_000))}))

    contents = cut(body, "orc", piece_bytes=40_000, chunk_bytes=10_000)

    assert orc.ORCFile(io.BytesIO(body)).nstripes == 1
    assert len(contents) > 5
    assert [content.first_line for content in contents][:2] == [1, 1 + len(contents[0].bodies[0])]


def test_the_first_rows_of_a_large_file_are_read_by_its_parts() -> None:
    class Counted(io.BytesIO):
        """A file that counts what is read of it."""

        read_bytes = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            self.read_bytes += len(found)
            return found

    columns = {
        "n": list(range(10_000)),
        "s": [f"{number * 2_654_435_761:x}" * 30 for number in range(10_000)],
    }
    body = written(pa.table(columns), stripe_size=64 * 1024, compression="uncompressed")
    file = Counted(body)

    found = process.first_table(file, "")

    assert orc.ORCFile(io.BytesIO(body)).nstripes > 5
    assert 0 < found.num_rows < 10_000
    assert found["n"].to_pylist() == list(range(found.num_rows))
    assert file.read_bytes < len(body) / 2


def test_a_fault_of_the_file_itself_passes_and_leaves_no_process() -> None:
    class Lost(io.BytesIO):
        """A file whose connection is lost."""

        def read(self, size: int | None = -1) -> bytes:
            raise ObjectUnavailable("s3://b/k", "the connection was lost")

    before = list(process._idle)

    with pytest.raises(ObjectUnavailable):
        process.first_table(Lost(written(pa.table({"n": [1]}))), "")

    assert process._idle == before


def test_a_reading_that_is_left_before_its_end_leaves_no_process() -> None:
    body = written(pa.table({"n": list(range(50_000))}))
    with process._process("") as idle:
        pass
    with TemporaryFile() as file:
        file.write(body)
        found = process.tables(file, "", batch_bytes=1000)
        next(found)
        next(found)
        found.close()  # type: ignore[attr-defined]

    assert idle._popen.poll() is not None
    assert idle not in process._idle


def test_the_process_ends_with_the_one_that_started_it() -> None:
    program = (
        "import io, os, pyarrow as pa, tempfile; from pyarrow import orc\n"
        "from ingest_project.reading.formats.orc import process\n"
        "file = tempfile.TemporaryFile(); orc.write_table(pa.table({'n': [1]}), file)\n"
        "process.about(file, ''); (idle,) = process._idle\n"
        "print(idle._popen.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert said.returncode == -signal.SIGKILL
    assert _ends(int(said.stdout))


def _ends(pid: int) -> bool:
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_a_file_whose_parts_disagree_on_its_rows_brings_none_of_them() -> None:
    body = written(pa.table({"n": list(range(5000))}), compression="uncompressed")
    places = [place for place in range(len(body)) if body.startswith(FIVE_THOUSAND, place)]
    changed = [body[:place] + THREE_THOUSAND + body[place + 2 :] for place in places]

    result = read(*changed, file_format="orc")

    assert (
        sum("3000 rows" in reason or "3000 were found" in reason for reason in reasons(result).values()) == 2
    )
    assert set(result.rows.values()) == {5000}
