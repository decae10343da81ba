"""Writes events into a file, one JSON object a line, as the wire has them."""

from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from producers.columns import EventColumns
from worker.errors import ConfigurationError


class JsonlWriter:
    """A file of events; it appears under its name only when `flush` has completed it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._encoder = msgspec.json.Encoder()
        try:
            self._file = self._partial.open("wb")
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {path}: {error.strerror}", "give --out a place that is writable"
            ) from error

    def write(self, events: EventColumns) -> None:
        self._file.write(self._encoder.encode_lines(events.interactions()))

    def flush(self) -> None:
        """Completes the file."""
        self._file.close()
        self._partial.replace(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves no partial file behind."""
        self._file.close()
        self._partial.unlink(missing_ok=True)
