"""Processes that start in a moment: forked from one that has everything imported, and the kernels loaded."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.support.live_worker import OtherProcess, Overrides, variables
from worker.embedded.ports import free_ports

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.warmed"])


def forked(function: Callable[..., None], *arguments: Any) -> Any:
    """Runs the function in a process of its own, which ends with this one."""
    process = FORKS.Process(target=_run, args=(function, *arguments), daemon=True)
    process.start()
    return process


class ForkedWorker(OtherProcess):
    """What `millrace worker` runs, with these settings (`a.b`: value), its log in `folder`.

    Attributes:
        log: what it wrote, and workers of the same name before it.
    """

    def __init__(self, settings: Overrides, folder: Path, hook: Callable[[], None] | None = None) -> None:
        """`hook` is called in its process first."""
        (self.port,) = free_ports(1)
        self.log = folder / f"{settings.get('kafka.instance_id') or 'unnamed'}.log"
        self._process = forked(_work, variables({**settings, "health.port": self.port}), self.log, hook)
        self.pid = self._process.pid

    @property
    @override
    def ended(self) -> bool:
        return self._process.exitcode is not None

    @override
    def wait(self, timeout_seconds: float) -> int:
        self._process.join(timeout_seconds)
        code = self._process.exitcode
        assert code is not None, f"process {self.pid} did not end within {timeout_seconds:g} s"
        return int(code)


def _run(function: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    function(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _work(environment: dict[str, str], log: Path, hook: Callable[[], None] | None) -> None:
    """Becomes `millrace worker`."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.update(environment)
    sys.argv = ["millrace", "worker"]
    from worker.cli import main

    if hook:
        hook()
    main()
