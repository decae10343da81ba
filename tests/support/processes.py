"""Looking at processes from the outside."""

import psutil


def is_alive(pid: int) -> bool:
    """Whether the process still does something; a zombie that nobody reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
