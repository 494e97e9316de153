"""Records the files that a call begins to write, so that they can be deleted if it fails."""

import logging
import threading
import time

from pyiceberg.io import FileIO, InputFile, OutputFile, OutputStream

_log = logging.getLogger(__name__)
_LONGEST_WAIT_SECONDS = 10.0


class RecordedOutputs(FileIO):
    """A table's storage; `discard` deletes what was written through this object."""

    def __init__(self, io: FileIO) -> None:
        super().__init__(io.properties)
        self._io = io
        self._lock = threading.Lock()
        self._streams: dict[str, OutputStream] = {}
        self._is_over = False

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return self._io.new_input(location)

    def new_output(self, location: str) -> OutputFile:
        """A file to write, which is recorded when it is opened."""
        return _RecordedOutput(self._io.new_output(location), self)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Deletes a file."""
        self._io.delete(location)

    def discard(self) -> None:
        """Tries to delete all recorded files, and keeps PyIceberg's threads from opening others.

        PyIceberg writes several files at once and raises the first failure while others are still written, so
        this waits for them.
        """
        with self._lock:
            self._is_over = True
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while any(not _is_closed(one) for one in self._streams.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for location in self._streams:
            try:
                self._io.delete(location)
            except Exception as error:  # of any class: an orphan must not hide the first failure
                _log.warning("cannot delete orphan %s (%s)", location, type(error).__name__)

    def begin(self, output: OutputFile, *, overwrite: bool) -> OutputStream:
        """Opens the file and records it. Raises RuntimeError after `discard`."""
        with self._lock:
            if self._is_over:
                raise RuntimeError("another file of the same write has failed")
            stream = output.create(overwrite)
            self._streams[output.location] = stream
        return stream


class _RecordedOutput(OutputFile):
    def __init__(self, output: OutputFile, outputs: RecordedOutputs) -> None:
        super().__init__(output.location)
        self._output = output
        self._outputs = outputs

    def __len__(self) -> int:
        return len(self._output)

    def exists(self) -> bool:
        return self._output.exists()

    def to_input_file(self) -> InputFile:
        return self._output.to_input_file()

    def create(self, overwrite: bool = False) -> OutputStream:
        return self._outputs.begin(self._output, overwrite=overwrite)


def _is_closed(stream: OutputStream) -> bool:
    return bool(getattr(stream, "closed", True))
