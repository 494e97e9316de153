"""Records the files that a call begins to write, so that they can be deleted if it fails."""

import logging
from typing import Any

from pyiceberg.io import FileIO, InputFile, OutputFile, OutputStream

_log = logging.getLogger(__name__)


class RecordedOutputs(FileIO):
    """A table's storage; `discard` deletes what was written through this object."""

    def __init__(self, io: FileIO) -> None:
        super().__init__(io.properties)
        self._io = io
        self._locations: list[str] = []

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return self._io.new_input(location)

    def new_output(self, location: str) -> "RecordedOutput":
        """A file to write, which is recorded when it is opened."""
        return RecordedOutput(self._io.new_output(location), self)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Deletes a file."""
        self._io.delete(location)

    def discard(self) -> None:
        """Tries to delete all recorded files; none of them may be open any more."""
        for location in self._locations:
            try:
                self._io.delete(location)
            except Exception as error:  # of any class: an orphan must not hide the first failure
                _log.warning("cannot delete orphan %s (%s)", location, type(error).__name__)

    def note(self, location: str) -> None:
        """Records a file."""
        self._locations.append(location)


class RecordedOutput(OutputFile):
    """A file of RecordedOutputs."""

    def __init__(self, output: OutputFile, outputs: RecordedOutputs) -> None:
        super().__init__(output.location)
        self._output = output
        self._outputs = outputs
        self._stream: Any = None

    def __len__(self) -> int:
        return len(self._output)

    def exists(self) -> bool:
        """Whether the storage has the file."""
        return self._output.exists()

    def to_input_file(self) -> InputFile:
        """The file to read."""
        return self._output.to_input_file()

    def create(self, overwrite: bool = False) -> OutputStream:
        """Opens the file."""
        self._outputs.note(self.location)
        self._stream = self._output.create(overwrite)
        stream: OutputStream = self._stream
        return stream

    def written_bytes(self) -> int:
        """The bytes written so far, 0 before it was opened. Not after it was closed."""
        return 0 if self._stream is None else int(self._stream.tell())
