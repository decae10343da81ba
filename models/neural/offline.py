"""Training from history: epochs over the training events, the best of them by validation, from any saved step on.

What is drawn follows from the seed and the number of the step alone, so that a training that was cut off and goes on
from a saved state leads to the same parameters, on the same device and number of threads.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.batch import Int64s
from models.neural.adversarial import adversarial_backward
from models.neural.goal import Goal
from models.neural.optimisers import OPTIMISERS, restore, set_rate, tensors_of, warmed
from models.neural.plan import TrainingPlan

MAX_VALIDATION_EVENTS = 10_000
DROPPED_IN_A_ROW = 20
STEPS_BETWEEN_SAVES = 500

Arrays = Mapping[str, np.ndarray]


class Report(NamedTuple):
    """Where training stands: `step` of `steps` in `epoch`, from 1; mean loss of the epoch; best validation so far."""

    epoch: int
    step: int
    steps: int
    loss: float
    best: float


@dataclass(slots=True)
class Position:
    """What a saved state holds beside tensors.

    Attributes:
        epoch: epochs done; in_epoch: steps done of the one that runs; steps: steps taken or dropped in all.
        loss_sum: of the steps of this epoch that were taken, loss_steps of them.
        scale: what the learning rate is multiplied by; dropped: steps that were not finite; in_a_row: the last ones.
        best_epoch: of the best validation, from 1; 0 = none yet; best: its figures; best_quality: what chose it.
        epochs: loss and validation of each epoch.
    """

    epoch: int = 0
    in_epoch: int = 0
    steps: int = 0
    loss_sum: float = 0.0
    loss_steps: int = 0
    scale: float = 1.0
    dropped: int = 0
    in_a_row: int = 0
    best_epoch: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    best_quality: float = 0.0
    epochs: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """A goal's network, its optimiser, and where they stand. `validation` (v,): places of the events that choose."""

    def __init__(self, plan: TrainingPlan, goal: Goal, validation: Int64s) -> None:
        self.plan, self.goal = plan, goal
        self.position = Position()
        self._optimiser = OPTIMISERS[plan.optimiser](goal.network.parameters(), plan.rate, plan.l2)
        self._best: dict[str, Tensor] = {}
        self._validation = validation[:: max(1, -(-len(validation) // MAX_VALIDATION_EVENTS))]

    @property
    def steps_an_epoch(self) -> int:
        """How many batches the training windows make."""
        return -(-len(self.goal.windows) // self.plan.batch_histories)

    def is_done(self, epochs: int) -> bool:
        """Whether so many epochs are over, or the last ones brought nothing."""
        position = self.position
        return position.epoch >= epochs or position.epoch - position.best_epoch >= self.plan.patience_epochs

    def run(
        self,
        epochs: int,
        report: Callable[[Report], None] = lambda report: None,
        save: Callable[[], None] = lambda: None,
        save_steps: int = STEPS_BETWEEN_SAVES,
    ) -> None:
        """Trains until done, then takes the best epoch's parameters. `save` is called where the state may be kept.

        Raises FloatingPointError when 20 steps in a row, or all of an epoch, are not finite.
        """
        with _drawing_apart(self.goal.device):
            while not self.is_done(epochs):
                self._run_epoch(report, save, save_steps)
                self._close_epoch()
                save()
        self.goal.network.load_state_dict(self._best or self.goal.network.state_dict())

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Tensors by name, and the rest: enough for `restore` to go on as if nothing had happened."""
        parts = {
            "model": self.goal.network.state_dict(),
            "best": self._best,
            "optimiser": tensors_of(self._optimiser, self.goal.network),
        }
        arrays = {f"{part}/{name}": _array(value) for part, values in parts.items() for name, value in values.items()}
        return arrays, asdict(self.position)

    def restore(self, arrays: Arrays, position: Mapping[str, Any]) -> None:
        """Goes on from what `state` gave.

        Raises KeyError, TypeError, ValueError or RuntimeError where it does not fit.
        """
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
        for key, value in arrays.items():
            part, _, name = key.partition("/")
            parts[part][name] = torch.from_numpy(np.array(value)).to(self.goal.device)
        self.goal.network.load_state_dict(parts["model"])
        restore(self._optimiser, self.goal.network, parts["optimiser"])
        self._best = parts["best"]
        self.position = Position(**position)

    def _run_epoch(self, report: Callable[[Report], None], save: Callable[[], None], save_steps: int) -> None:
        position, size = self.position, self.plan.batch_histories
        order = np.random.default_rng([self.plan.seed, position.epoch]).permutation(len(self.goal.windows))
        self.goal.network.train()
        while position.in_epoch < self.steps_an_epoch:
            start = position.in_epoch * size
            self._step(self.goal.windows[order[start : start + size]])
            position.in_epoch += 1
            loss = position.loss_sum / max(position.loss_steps, 1)
            report(Report(position.epoch + 1, position.in_epoch, self.steps_an_epoch, loss, position.best_quality))
            if position.steps % save_steps == 0 and position.in_epoch < self.steps_an_epoch:
                save()

    def _close_epoch(self) -> None:
        position = self.position
        if not position.loss_steps:
            raise FloatingPointError("no step of an epoch has a finite loss and gradient")
        figures = self.goal.figures(self._validation)
        position.epochs.append({"loss": position.loss_sum / position.loss_steps, **figures})
        position.epoch += 1
        position.in_epoch, position.loss_sum, position.loss_steps = 0, 0.0, 0
        quality = self.goal.quality(figures)
        if not position.best_epoch or quality is None or not quality <= position.best_quality:
            position.best_epoch, position.best, position.best_quality = position.epoch, figures, quality or 0.0
            self._best = {name: value.clone() for name, value in self.goal.network.state_dict().items()}

    def _step(self, places: Int64s) -> None:
        """One step down the gradient; one that is not finite changes nothing but the rate, which it halves."""
        position, plan = self.position, self.plan
        seed = plan.seed * 1_000_003 + position.steps
        set_rate(self._optimiser, warmed(plan.rate * position.scale, position.steps, plan.warmup_steps))
        position.steps += 1
        self._optimiser.zero_grad()
        loss = self._slopes(places, seed)
        if bool(loss.isfinite()) and self._are_gradients_finite():
            self._optimiser.step()
            position.loss_sum += loss.item()
            position.loss_steps += 1
            position.in_a_row = 0
            return
        position.dropped += 1
        position.in_a_row += 1
        position.scale /= 2
        if position.in_a_row >= DROPPED_IN_A_ROW:
            raise FloatingPointError(f"{DROPPED_IN_A_ROW} steps in a row have a loss or gradient that is not finite")

    def _slopes(self, places: Int64s, seed: int) -> Tensor:
        """The loss (); gradients of all parameters, where it is finite. What it draws follows from the seed."""

        def loss() -> Tensor:
            torch.manual_seed(seed)
            return self.loss(places)

        if self.plan.adversarial:
            return adversarial_backward(loss, self.goal.base.items, self.plan.adversarial)
        found = loss()
        if bool(found.isfinite()):
            found.backward()
        return found

    def _are_gradients_finite(self) -> bool:
        gradients = (parameter.grad for parameter in self.goal.network.parameters())
        return all(bool(gradient.sum().isfinite()) for gradient in gradients if gradient is not None)

    def loss(self, places: Int64s) -> Tensor:
        """(): the goal's, of these windows."""
        return self.goal.loss(places)


def _array(value: Tensor) -> np.ndarray:
    """A copy, which training does not change."""
    copied: np.ndarray = value.detach().cpu().numpy().copy()
    return copied


@contextmanager
def _drawing_apart(device: torch.device) -> Iterator[None]:
    """What is drawn inside leaves others' random numbers as they are."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def device_of_machine() -> str:
    """CUDA where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
