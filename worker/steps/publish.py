"""Publish: the fifth step. Lists become visible, each only over an older one."""

from worker.ports import ListSink
from worker.steps.columns import RankedLists


def publish(sink: ListSink, ranked: RankedLists) -> int:
    """Writes the lists; returns how many were refused as not newer. Raises ServiceUnavailable."""
    return sink.publish(ranked.lists)
