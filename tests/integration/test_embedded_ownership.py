"""The embedded servers end with their owner, however the owner ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.processes import is_alive
from tests.support.waiting import wait_until
from worker.embedded.owned_process import OwnedProcess
from worker.errors import ServiceUnavailable

GONE_SECONDS = 10.0

OWN_A_SLEEPER = """
import json, os, sys, time
from pathlib import Path
from worker.embedded.owned_process import OwnedProcess
folder = Path(sys.argv[1]); scratch = folder / "scratch"; scratch.mkdir()
sleeper = OwnedProcess(["sleep", "600"], folder / "log", 5.0, scratch)
"""
TELL_AND_WAIT = """
print(json.dumps(told), flush=True)
time.sleep(600)
"""
SLEEPER = OWN_A_SLEEPER + "told = {'server': sleeper.pid}" + TELL_AND_WAIT
SLEEPER_AND_FORK = (
    OWN_A_SLEEPER
    + """
fork = os.fork()
if fork == 0:
    time.sleep(600)
told = {'server': sleeper.pid, 'fork': fork}
"""
    + TELL_AND_WAIT
)
SLEEPER_AND_EXIT = OWN_A_SLEEPER + "print(json.dumps({'server': sleeper.pid}), flush=True)"
REAL_SERVERS = (
    """
import json, time
from worker.embedded.services import EmbeddedServices
services = EmbeddedServices()
services.start()
told = {'servers': [services.kafka.pid, services.valkey.pid],
        'folders': [str(services.kafka.folder), str(services.valkey.folder)]}
"""
    + TELL_AND_WAIT
)


@contextmanager
def owner(code: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Runs `code` in a process of its own and yields it with what it told."""
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def await_end(pid: int) -> None:
    wait_until(lambda: not is_alive(pid), GONE_SECONDS, f"the end of process {pid}")


def await_no_folder(folder: Path) -> None:
    wait_until(lambda: not folder.exists(), GONE_SECONDS, f"the end of {folder}")


def test_the_server_and_its_scratch_folder_go_when_the_owner_is_killed(tmp_path: Path) -> None:
    with owner(SLEEPER, str(tmp_path)) as (process, told):
        assert is_alive(told["server"])
        process.kill()
        await_end(told["server"])
        await_no_folder(tmp_path / "scratch")


def test_the_scratch_folder_goes_when_told_and_else_stays(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    OwnedProcess(["sleep", "600"], tmp_path / "log", 5.0, scratch).stop()
    assert scratch.exists()
    OwnedProcess(["sleep", "600"], tmp_path / "log", 5.0, scratch).stop(delete_scratch=True)
    assert not scratch.exists()


def test_a_fork_of_the_owner_does_not_keep_the_server_alive(tmp_path: Path) -> None:
    with owner(SLEEPER_AND_FORK, str(tmp_path)) as (process, told):
        try:
            process.kill()
            await_end(told["server"])
            assert is_alive(told["fork"])
        finally:
            with suppress(ProcessLookupError):
                os.kill(told["fork"], signal.SIGKILL)


def test_the_server_ends_when_the_owner_ends_without_stopping_it(tmp_path: Path) -> None:
    with owner(SLEEPER_AND_EXIT, str(tmp_path)) as (process, told):
        assert process.wait(GONE_SECONDS) == 0
        await_end(told["server"])


@pytest.mark.usefixtures("kafka", "valkey")
def test_a_real_kafka_and_a_real_valkey_go_when_their_owner_is_killed() -> None:
    with owner(REAL_SERVERS) as (process, told):
        assert all(is_alive(pid) for pid in told["servers"])
        process.kill()
        for pid in told["servers"]:
            await_end(pid)
        for folder in told["folders"]:
            await_no_folder(Path(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_server_ends_when_its_guardian_is_killed(tmp_path: Path) -> None:
    sleeper = OwnedProcess(["sleep", "600"], tmp_path / "log", 5.0)
    psutil.Process(sleeper.pid).parent().kill()  # type: ignore[union-attr]
    await_end(sleeper.pid)
    sleeper.stop()
    assert not sleeper.running


def test_signals_to_the_guardian_do_not_end_it(tmp_path: Path) -> None:
    sleeper = OwnedProcess(["sleep", "600"], tmp_path / "log", 5.0)
    guardian = psutil.Process(sleeper.pid).parent()
    assert guardian is not None
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        guardian.send_signal(each)
    assert is_alive(sleeper.pid)
    sleeper.stop()
    assert not is_alive(sleeper.pid)
    assert not guardian.is_running()


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    stubborn = OwnedProcess(["sh", "-c", "trap '' TERM; echo ready; sleep 600"], tmp_path / "log", 0.2)
    wait_until(lambda: "ready" in stubborn.log_tail(), 5, "the trap")
    stubborn.stop()
    assert not is_alive(stubborn.pid)
    assert "did not end within 0.2 s" in stubborn.log_tail()


def test_what_the_server_forked_ends_with_it(tmp_path: Path) -> None:
    parent = OwnedProcess(["sh", "-c", "sleep 600 & echo $!; wait"], tmp_path / "log", 5.0)
    child = int(wait_until(parent.log_tail, 5, "the child's process id"))
    parent.kill()
    await_end(child)


def test_a_server_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    short = OwnedProcess(["true"], tmp_path / "log", 5.0)
    wait_until(lambda: not short.running, 5, "the end of `true`")
    short.stop()


def test_a_command_that_does_not_exist_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="cannot run no-such-program"):
        OwnedProcess(["no-such-program"], tmp_path / "log", 5.0)
