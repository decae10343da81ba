"""Workers on real services: as a process of their own, or on a thread of this one."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from typing_extensions import override

from tests.support.waiting import wait_until
from worker.assembly import assemble, real_adapters
from worker.embedded.ports import free_ports
from worker.settings import load
from worker.warmup import warm_up

START_SECONDS = 150.0  # the first start on a machine compiles the kernels
WORK_SECONDS = 60.0
STOP_SECONDS = 40.0

Overrides = Mapping[str, Any]


class Probed:
    """Asks a worker's health port."""

    port: int

    def page(self, path: str) -> tuple[int, str]:
        """Status and text; 0 while nobody listens."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode().strip()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode().strip()
        except (URLError, ConnectionError, TimeoutError):
            return 0, ""

    def metric(self, name: str) -> float:
        """The value of `millrace_{name}`; nan while nobody listens."""
        lines = self.page("/metrics")[1].splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(f"millrace_{name} ")), float("nan"))

    def counts(self, name: str, label: str) -> dict[str, int]:
        """The values of `millrace_{name}` that are not 0, by label."""
        start = f'millrace_{name}{{{label}="'
        lines = [line for line in self.page("/metrics")[1].splitlines() if line.startswith(start)]
        found = {line.removeprefix(start).partition('"')[0]: int(float(line.split()[-1])) for line in lines}
        return {key: value for key, value in found.items() if value}

    def owned_partitions(self) -> list[int]:
        """Those whose records flow."""
        start = 'millrace_lag_records{partition="'
        lines = [line for line in self.page("/metrics")[1].splitlines() if line.startswith(start)]
        return sorted(int(line.removeprefix(start).partition('"')[0]) for line in lines)

    def wait_ready(self) -> None:
        """Until it says so."""
        wait_until(lambda: self.page("/readyz")[0] == 200, START_SECONDS, "the worker is ready")

    def wait_until_learned(self, events: int) -> None:
        """Until it has learned so many events since its start, and published all lists."""
        wait_until(lambda: self.metric("events_learned_total") >= events, WORK_SECONDS, f"{events} events are learned")
        polls = self.metric("poll_seconds_count")  # who waits is told at the end of a round
        wait_until(lambda: self.metric("poll_seconds_count") > polls, WORK_SECONDS, "a round has ended since")
        wait_until(lambda: self.metric("waiting_users") == 0, WORK_SECONDS, "all lists are published")


class OtherProcess(Probed):
    """A worker that only signals reach."""

    pid: int

    def wait(self, timeout_seconds: float) -> int:
        """The exit code, negative when a signal ended it; fails after the timeout."""
        raise NotImplementedError

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        raise NotImplementedError

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, unless it is gone: another process may have its number by then."""
        if not self.ended:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """As kill -9 does."""
        self.send(signal.SIGKILL)
        assert self.wait(10) == -signal.SIGKILL

    def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.send(signal.SIGKILL)
        self.wait(10)


class WorkerProcess(OtherProcess):
    """`python -m worker worker` with these settings (`a.b`: value), its log in `folder`."""

    verb, port_setting = "worker", "health.port"

    def __init__(self, settings: Overrides, folder: Path) -> None:
        (self.port,) = free_ports(1)
        with (folder / f"{self.verb}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker", self.verb],
                env=os.environ | variables({**settings, self.port_setting: self.port}),
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid

    @property
    @override
    def ended(self) -> bool:
        return self._process.poll() is not None

    @override
    def wait(self, timeout_seconds: float) -> int:
        return self._process.wait(timeout_seconds)


class ApiProcess(WorkerProcess):
    """`python -m worker serve` likewise.

    Attributes:
        url: where it answers.
    """

    verb, port_setting = "serve", "api.health_port"

    def __init__(self, settings: Overrides, folder: Path) -> None:
        with_port = {"api.port": free_ports(1)[0], **settings}
        self.url = f"http://127.0.0.1:{with_port['api.port']}"
        super().__init__(with_port, folder)


def variables(settings: Overrides) -> dict[str, str]:
    """The settings as the environment of a process, but for those that are None."""
    given = {name: value for name, value in settings.items() if value is not None}
    return {f"MILLRACE_{name.replace('.', '__').upper()}": str(value) for name, value in given.items()}


class WorkerThread(Probed):
    """What `millrace worker` runs, on a thread; the end of the `with` block stops it in order."""

    def __init__(self, settings: Overrides) -> None:
        self._settings = load(overrides={**settings, "health.port": 0}, environment={})
        self._worker, self._health = assemble(self._settings, real_adapters(self._settings), [])
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> Self:
        """Its health port answers when this returns."""
        warm_up(self._settings)
        self._health.start()
        self.port = self._health.port
        self._thread.start()
        return self

    def close(self) -> None:
        """Stops it in order; raises what ended it."""
        self._worker.stop()
        self._thread.join(STOP_SECONDS)
        self._health.stop()
        assert not self._thread.is_alive(), "the worker does not stop"
        if self._failure is not None:
            raise self._failure

    @property
    def ended(self) -> bool:
        """Whether it ended by itself, or was stopped."""
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._worker.run()
        except BaseException as error:
            self._failure = error
