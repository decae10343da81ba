"""The one door to numba: every compiled function of Millrace is a `kernel`."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import config

P = ParamSpec("P")
R = TypeVar("R")

_HERE = Path(__file__).parent
_TORCH = ("neural", "encoders")  # no kernel calls what lies there, but for those that are compiled themselves


def _sources_digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_HERE.rglob("*.py")):
        content = source.read_bytes()
        if source.parent.name not in _TORCH or b"models.compiled" in content:
            digest.update(content)
    return digest.hexdigest()[:16]


def _own_copy(shipped: Path) -> Path:
    """A copy in the user's caches, made once: numba only reads kernels where it could write some as well."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "millrace"
    copy = caches / shipped.name
    if not copy.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=caches) as unfinished, suppress(OSError):  # another one was faster
            shutil.copytree(shipped, Path(unfinished) / "whole").rename(copy)
    return copy


def _folder() -> str:
    """Where kernels are kept; empty where numba is to pick a folder of the user's."""
    beside = _HERE / "__pycache__" / f"kernels-{_sources_digest()}"
    if os.access(_HERE, os.W_OK):
        return str(beside)
    return str(_own_copy(beside)) if beside.is_dir() else ""


# numba's own cache does not notice that a kernel calls one of another file that changed, so the folder is named
# by the content of all that they may call.
if not getattr(config, "CACHE_DIR", ""):
    setattr(config, "CACHE_DIR", _folder())  # noqa: B010


def is_compiled() -> bool:
    """Whether kernels of just these sources were kept on disk before."""
    folder = Path(getattr(config, "CACHE_DIR", "") or _HERE)
    return any(folder.rglob("*.nbi"))


# Kernels work on memory that is there, so arrays are not counted in and out: in loops over trees of arrays that took
# most of the time. And no flag lets sums be added in another order or products be fused: see lane_sums.py.
_FLAGS: dict[str, Any] = {"_nrt": False, "nogil": True, "fastmath": {"nnan", "nsz"}, "error_model": "numpy"}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles to machine code at the first call, kept on disk; runs without the interpreter's lock."""
    compiled = numba.njit(cache=True, **_FLAGS)(function)
    return cast("Callable[P, R]", compiled)


def allocating_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel that makes arrays or returns one."""
    compiled = numba.njit(cache=True, **_FLAGS | {"_nrt": True})(function)
    return cast("Callable[P, R]", compiled)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A small kernel whose body takes the place of each call: passing a tree of arrays costs more than it does."""
    compiled = numba.njit(inline="always", **_FLAGS)(function)
    return cast("Callable[P, R]", compiled)
