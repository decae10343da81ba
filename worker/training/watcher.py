"""Watcher: is told where a training stands. All methods have empty bodies: override what is needed."""

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from models.neural.offline import Report


class Watcher:
    """Of the stages of `millrace train`."""

    def begins(self, stage: str, steps: int) -> None:
        """A stage trains from now on; so many of its steps are done, and those that follow were never told."""

    def stepped(self, stage: str, epochs: int, report: Report) -> None:
        """A step is done, of at most so many epochs."""

    def closed_epoch(self, stage: str, steps: int, figures: Mapping[str, Any]) -> None:
        """An epoch is over, and its checkpoint stands; so many steps are done, with this loss and validation."""

    def ends(self) -> None:
        """Nothing follows."""


class Watchers(Watcher):
    """All of these, in their order."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers

    @override
    def begins(self, stage: str, steps: int) -> None:
        for watcher in self._watchers:
            watcher.begins(stage, steps)

    @override
    def stepped(self, stage: str, epochs: int, report: Report) -> None:
        for watcher in self._watchers:
            watcher.stepped(stage, epochs, report)

    @override
    def closed_epoch(self, stage: str, steps: int, figures: Mapping[str, Any]) -> None:
        for watcher in self._watchers:
            watcher.closed_epoch(stage, steps, figures)

    @override
    def ends(self) -> None:
        for watcher in self._watchers:
            watcher.ends()
