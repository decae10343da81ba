"""What a target of fuzzing is."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from worker.errors import MillraceError


class Target(NamedTuple):
    """A decoder of bytes that somebody else wrote.

    Attributes:
        check: decodes; returns for what it takes and for what it turns away as promised, raises for all else.
        seeds: sound inputs, where mutation begins.
        words: what mutation may put in.
    """

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes] = ()


def explained(error: MillraceError, *told: str) -> None:
    """A refusal names its cause and its remedy, and tells this."""
    assert str(error).encode(), "an error without a cause"
    assert error.remedy, "an error without a remedy"
    assert all(text in str(error) for text in told), str(error)


def scratch_folder() -> Path:
    """A folder of its own that lasts as long as the process."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
