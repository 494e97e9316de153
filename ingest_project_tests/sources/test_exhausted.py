"""A machine that runs out of disk or file descriptors is recognised everywhere, and no object is at fault."""

import errno
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import pytest
from obstore.exceptions import GenericError

from ingest_project.errors import ObjectOutOfResources, ObjectUnavailable, ObjectUnreadable
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack import spool as spool_module
from ingest_project.reading.unpack.spool import spooled
from ingest_project.sources.s3.s3_faults import obstore_fault
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.sources.unforeseen import unforeseen_as_fault
from ingest_project_tests.patience import PATIENCE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

URI = "s3://landing/k"


def no_room() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullDisk(io.RawIOBase):
    """A file on a disk that is full."""

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> NoReturn:
        raise no_room()


PROGRAM = """
import os, resource, sys
from datetime import UTC, datetime

from ingest_project.sources.aws import Aws
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.store import ObjectStore
from ingest_project.settings.model import AwsSettings

object_ = ObjectVersion("landing", sys.argv[1], 0, datetime.now(UTC))
store = ObjectStore(Aws(AwsSettings()))
print(len(store.fetch([object_]).fetched))  # all that is opened once is open now
held, limit = [], resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, limit[1]))
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for one in held[: int(sys.argv[2])]:
    os.close(one)
if sys.argv[3:]:
    kept = [*store._buckets._opened.values()]  # whose connections would else be closed, which gives room
    store._buckets._opened.clear()  # a client of its own needs CA certificates
print(*[failure.error.error_class for failure in store.fetch([object_]).failures])
for one in held[int(sys.argv[2]) :]:
    os.close(one)
print(len(store.fetch([object_]).fetched))
"""


@pytest.mark.parametrize("chunk_bytes", [10, 3 * LIMITS.step.chunk_bytes])
def test_a_full_disk_is_told_although_closing_the_file_fails_as_well(
    chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = io.BufferedWriter(FullDisk(), LIMITS.step.chunk_bytes)
    monkeypatch.setattr(spool_module, "TemporaryFile", lambda buffering: disk)

    with (
        pytest.raises(ObjectOutOfResources, match=r"No space left on device.*TMPDIR"),
        spooled([b"x" * chunk_bytes], URI),
    ):
        pass


def test_a_folder_for_temporary_files_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")

    with pytest.raises(ObjectOutOfResources, match="see TMPDIR"), spooled([b"x"], URI):
        pass


def unreadable_for_want_of_room() -> None:
    raise ObjectUnreadable(URI, "it is not a valid parquet file") from no_room()


def bare() -> None:
    raise no_room()


@pytest.mark.parametrize("raising", [unreadable_for_want_of_room, bare])
def test_what_a_reader_makes_of_it_is_not_believed(raising: Callable[[], None]) -> None:
    with (
        pytest.raises(ObjectOutOfResources, match="disk for temporary files is full") as raised,
        unforeseen_as_fault(URI),
    ):
        raising()

    assert (raised.value.error_class, raised.value.transient) == ("resources", True)


def cut_short() -> None:
    raise ObjectUnreadable(URI, "cut short") from OSError("it ends within a stream")


def test_other_errors_of_the_operating_system_stay_what_they_are() -> None:
    with pytest.raises(ObjectUnreadable), unforeseen_as_fault(URI):
        cut_short()


@pytest.mark.parametrize("key", ["plain/key", "odd//key"])
def test_a_fetch_without_file_descriptors_fails_its_objects_for_now(
    key: str, s3: "S3Client", store: ObjectStore
) -> None:
    s3.put_object(Bucket="landing", Key=key, Body=b"x")
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, key, "0"]

    answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    assert answer.stdout.splitlines() == ["1", "resources", "1"], answer.stderr


def test_a_client_that_cannot_read_its_certificates_is_no_fault_of_the_object(
    s3: "S3Client", store: ObjectStore
) -> None:
    s3.put_object(Bucket="landing", Key="k", Body=b"x")
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, "k", "0", "new client"]

    answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    assert answer.stdout.splitlines() == ["1", "unavailable", "1"], answer.stderr


def test_what_obstore_says_of_it_is_understood_and_what_a_key_says_is_not() -> None:
    lacking = GenericError(
        "Generic S3 error: error sending request: tcp open error: Too many open files (os error 24)"
    )

    assert isinstance(obstore_fault(URI, lacking), ObjectOutOfResources)
    missing = FileNotFoundError("Object at location (os error 24) not found")
    assert obstore_fault("s3://landing/(os error 24)", missing).error_class == "missing"
    assert isinstance(obstore_fault(URI, GenericError("connection reset (os error 104)")), ObjectUnavailable)
