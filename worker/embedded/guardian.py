"""Runs one server for an owner and ends it as soon as the owner is gone, even by kill -9.

A script of its own, started by owned_process.py; it imports nothing of ours. The owner holds the write end of
its standard input: `s` asks for an orderly end, `d` for one that also deletes the scratch folder, `k` for a
sudden end; end of file says that the owner died.
A process forked by the owner may keep that pipe open, so the parent's process id is watched as well.
"""

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

OWNER_CHECK_SECONDS = 0.5
PR_SET_PDEATHSIG = 1


def main(owner_pid: int, grace_seconds: float, scratch: str, command: list[str]) -> None:
    """Runs `command`, prints its process id; deletes the folder `scratch`, if any, when told or left alone."""
    wake = _wake_on_signals()
    server = subprocess.Popen(  # noqa: S603 - the command is the owner's
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        start_new_session=True,
        preexec_fn=_die_with_parent(),
    )
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    order = _await_order(server, owner_pid, wake)
    _end(server, 0.0 if order == b"k" else grace_seconds)
    if order in (b"", b"d") and scratch:
        shutil.rmtree(scratch, ignore_errors=True)


def _wake_on_signals() -> int:
    """The descriptor that becomes readable on a signal; none of these signals then ends this process."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, lambda *_: None)
    return read


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux the server ends even when this guardian itself is killed."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _await_order(server: subprocess.Popen[bytes], owner_pid: int, wake: int) -> bytes | None:
    """The owner's order, empty when the owner is gone, None when the server ended by itself."""
    while server.poll() is None:
        if os.getppid() != owner_pid:
            return b""
        ready, _, _ = select.select([0, wake], [], [], OWNER_CHECK_SECONDS)
        if 0 in ready:
            return os.read(0, 1)
        if wake in ready:
            os.read(wake, 4096)
    return None


def _end(server: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Ends the server, and what it may have forked, within about `grace_seconds`."""
    if grace_seconds:
        server.terminate()
        try:
            server.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"did not end within {grace_seconds:g} s of SIGTERM: killed\n")
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody left; macOS says EPERM of a group of zombies
        return
    finally:
        server.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:])
