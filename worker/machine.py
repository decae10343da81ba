"""On which machine figures were measured."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

CPU_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, as far as speed depends on it.

    Attributes:
        cores: that this process may use.
        memory_bytes: 0 = unknown.
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str


def this_machine() -> Machine:
    """The machine that this process runs on."""
    return Machine(_processor(), _cores(), _memory_bytes(), platform.platform(), platform.python_version())


def _processor() -> str:
    if CPU_FILE.exists():
        for line in CPU_FILE.read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
