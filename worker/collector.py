"""Python's cycle collector, tuned for a worker: batches make much that dies at once, and no cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Containers that are born before a look at the young ones; young looks before one at all that outlived some.
THRESHOLDS = (50_000, 20, 100)


@contextmanager
def few_collections() -> Iterator[None]:
    """Looks for cycles rarely, and never among what is there already; a quarter of a poll's time was spent on it."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
