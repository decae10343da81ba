"""Stage: a training with a checkpoint of its own, from which it goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.neural.offline import Trainer
from worker.errors import ConfigurationError, StateError
from worker.training.folder import read_checkpoint, write_checkpoint
from worker.training.watcher import Watcher

FITS_NOT = (KeyError, TypeError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of `millrace train`.

    Attributes:
        name: for people.
        trainer: what trains.
        path: of the checkpoint.
        identity: of the training; a checkpoint of another one is refused.
    """

    name: str
    trainer: Trainer
    path: Path
    identity: Mapping[str, Any]

    def resume(self) -> None:
        """Goes on from the checkpoint, where there is one. Raises StateError for one that is of another training."""
        found = read_checkpoint(self.path)
        if found is None:
            return
        arrays, facts = found
        theirs = facts.get("identity", {})
        differing = [name for name, value in self.identity.items() if theirs.get(name) != value]
        if differing:
            raise StateError(
                f"{self.path} is of another training: it differs in {', '.join(differing)}",
                "name another folder with --out, or give the data and options that it was made with",
            )
        try:
            self.trainer.restore(arrays, facts["position"])
        except FITS_NOT as error:
            raise StateError(f"the checkpoint {self.path} does not fit: {error}", "remove it to train anew") from error

    def run(self, epochs: int, watcher: Watcher) -> None:
        """At most so many epochs, watched. Raises ConfigurationError where training diverges."""
        watcher.begins(self.name, self.trainer.position.steps)
        try:
            self.trainer.run(
                epochs, lambda report: watcher.stepped(self.name, epochs, report), lambda: self._save(watcher)
            )
        except FloatingPointError as error:
            raise ConfigurationError(
                f"{self.name} diverged: {error}", "choose a lower --rate, and another --out or no checkpoint there"
            ) from error

    def _save(self, watcher: Watcher) -> None:
        arrays, position = self.trainer.state()
        write_checkpoint(self.path, arrays, {"identity": self.identity, "position": position})
        if not self.trainer.position.in_epoch:
            watcher.closed_epoch(self.name, self.trainer.position.steps, self.trainer.position.epochs[-1])
