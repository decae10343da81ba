"""A child process that ends with its owner, however the owner ends."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from worker.errors import ServiceUnavailable

GUARDIAN = Path(__file__).with_name("guardian.py")


class OwnedProcess:
    """A running server. Should this process end without `stop` or `kill`, the server ends within a second.

    Attributes:
        pid: process id of the server itself.
    """

    def __init__(
        self, command: Sequence[str], log_file: Path, grace_seconds: float, scratch: Path | None = None
    ) -> None:
        """Starts `command`; what it prints is appended to `log_file`, whose folder it runs in.

        `grace_seconds` lie between SIGTERM and SIGKILL. The folder `scratch` is deleted when this process dies.
        Raises ServiceUnavailable when the command cannot be run.
        """
        self._log_file = log_file
        self._grace_seconds = grace_seconds
        guardian = [sys.executable, "-I", "-S", str(GUARDIAN)]
        arguments = [str(os.getpid()), str(grace_seconds), str(scratch or "")]
        with log_file.open("ab") as log:
            self._guardian = subprocess.Popen(  # noqa: S603 - the command is our caller's
                [*guardian, *arguments, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=log_file.parent,
                start_new_session=True,  # Ctrl-C is for the owner, who then stops the server in order
            )
        self.pid = self._read_pid(command)

    @property
    def running(self) -> bool:
        return self._guardian.poll() is None

    def stop(self, *, delete_scratch: bool = False) -> None:
        """Asks the server to end and waits for it; the scratch folder then stays unless told otherwise."""
        self._order(b"d" if delete_scratch else b"s")

    def kill(self) -> None:
        """Ends the server at once, as kill -9 does, and waits for it."""
        self._order(b"k")

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that the server wrote."""
        with suppress(OSError), self._log_file.open(encoding="utf-8", errors="replace") as log:
            return "".join(deque(log, maxlen=lines)).rstrip()
        return ""

    def _read_pid(self, command: Sequence[str]) -> int:
        assert self._guardian.stdout is not None
        line = self._guardian.stdout.readline()
        if not line:
            self._order(b"k")
            raise ServiceUnavailable(f"cannot run {command[0]}: {self.log_tail(1)}", "check that it is a program")
        return int(line)

    def _order(self, order: bytes) -> None:
        try:
            self._guardian.communicate(order, timeout=self._grace_seconds + 10)
        except subprocess.TimeoutExpired:
            self._guardian.kill()
            self._guardian.communicate()
        if self._guardian.returncode < 0 and hasattr(self, "pid"):  # it was killed and could not do its duty
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
