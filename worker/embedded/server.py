"""What the embedded servers share: ports, folder, start until it answers, stop, kill, start again."""

import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from worker.embedded.owned_process import OwnedProcess
from worker.embedded.ports import are_free, free_ports
from worker.errors import ServiceUnavailable

PORT_ATTEMPTS = 3
PROBE_PAUSE_SECONDS = 0.02


class EmbeddedServer(ABC):
    """A real server on free ports of this machine, which ends with this process even when that is killed.

    `stop` and `kill` keep the ports and the data, so that `start` goes on from there. `close`, which the end of
    a `with` block calls, also removes the folder if it was a temporary one.
    """

    name: ClassVar[str]
    port_count: ClassVar[int]
    grace_seconds: ClassVar[float]

    def __init__(self, folder: Path | None = None, start_seconds: float = 60.0) -> None:
        """`folder` keeps the data, None = a temporary one; `start_seconds` bounds the wait for an answer."""
        self._given_folder = folder
        self._temporary_folder: Path | None = None
        self._start_seconds = start_seconds
        self._ports: tuple[int, ...] = ()
        self._process: OwnedProcess | None = None

    @abstractmethod
    def _command(self) -> list[str]:
        """Prepares the folder and tells what to run. Raises ConfigurationError or ServiceUnavailable."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Whether the server, the one of process `pid` and not another on its port, answers a request."""

    @property
    def folder(self) -> Path:
        """Where data and log lie."""
        if self._given_folder is not None:
            return self._given_folder.absolute()
        if self._temporary_folder is None:
            self._temporary_folder = Path(tempfile.mkdtemp(prefix=f"millrace-{self.name.lower()}-"))
        return self._temporary_folder

    @property
    def pid(self) -> int:
        """Process id of the server. Raises ServiceUnavailable when it does not run."""
        if self._process is None or not self._process.running:
            raise ServiceUnavailable(f"the embedded {self.name} does not run", "call start() first")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Returns when the server answers. Raises ServiceUnavailable with the end of its log."""
        if self.running:
            return
        self.stop()  # what is left of one that ended by itself
        if self._ports:
            self._launch()
        else:
            self._launch_on_free_ports()

    def stop(self) -> None:
        """Ends the server in order; its port and data stay."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Ends the server as kill -9 does; its port and data stay."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """Ends the server and removes its temporary folder."""
        if self._process is not None:
            self._process.stop(delete_scratch=True)
            self._process = None
        if self._temporary_folder is not None:  # nobody did so when the server did not run
            shutil.rmtree(self._temporary_folder, ignore_errors=True)
            self._temporary_folder = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # an interrupt, too, must leave nothing behind; raised again
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _launch_on_free_ports(self) -> None:
        """Another process may take a port between our look and the server's; then other ports are tried."""
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._ports = free_ports(self.port_count)
            try:
                self._launch()
            except ServiceUnavailable:
                taken, self._ports = not are_free(self._ports), ()
                if attempt == PORT_ATTEMPTS or not taken:
                    raise
            else:
                return

    def _launch(self) -> None:
        command = self._command()
        self.folder.mkdir(parents=True, exist_ok=True)
        log_file = self.folder / f"{self.name.lower()}.log"
        self._process = OwnedProcess(command, log_file, self.grace_seconds, self._temporary_folder)
        try:
            self._await_answer(self._process)
        except BaseException:  # an interrupt, too, must leave nothing behind; raised again
            self.kill()
            raise

    def _await_answer(self, process: OwnedProcess) -> None:
        deadline = time.monotonic() + self._start_seconds
        while not self._answers(process.pid):
            if not process.running:
                raise self._failed(process, "ended while it started")
            if time.monotonic() > deadline:
                raise self._failed(process, f"did not answer within {self._start_seconds:g} s")
            time.sleep(PROBE_PAUSE_SECONDS)

    def _failed(self, process: OwnedProcess, how: str) -> ServiceUnavailable:
        log = process.log_tail() or "(empty)"
        return ServiceUnavailable(
            f"the embedded {self.name} {how}; its log ends:\n{log}",
            f"see the whole log in {self.folder}, or name a running server in the settings",
        )
