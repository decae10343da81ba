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

from models.accuracy import rank_metrics
from models.batch import Float32s, Int64s
from models.neural.full_ranking import ranks_of
from models.neural.histories import TRAIN, VALIDATION, Histories, windows
from models.neural.network import Asked, Network, network_of
from models.neural.objectives import SAMPLED, SOFTMAX, softmax_over_all
from models.neural.optimisers import OPTIMISERS, restore, set_rate, tensors_of, warmed
from models.neural.plan import TrainingPlan

MEASURE = "ndcg_at_10"
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
        best_epoch: of the best validation, whose figures are `best`, from 1; 0 = none yet.
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
    best: dict[str, float] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)


class Trainer:
    """A network, its optimiser, and where they stand."""

    def __init__(self, plan: TrainingPlan, histories: Histories, *, seen_excluded: bool, device: str = "cpu") -> None:
        self.plan, self.histories, self.seen_excluded = plan, histories, seen_excluded
        self.position = Position()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            users, items = len(histories.user_ids), len(histories.item_ids)
            self.network: Network = network_of(plan.model, users, items, plan.encoder, plan.head)
        self.network.to(device)
        self._optimiser = OPTIMISERS[plan.optimiser](self.network.parameters(), plan.rate, plan.l2)
        self._best: dict[str, Tensor] = {}
        self._windows = windows(histories, plan.encoder.length)
        held_out = histories.held_out(VALIDATION)
        self._validation = held_out[:: max(1, -(-len(held_out) // MAX_VALIDATION_EVENTS))]

    @property
    def steps_an_epoch(self) -> int:
        """How many batches the training windows make."""
        return -(-len(self._windows) // self.plan.batch_histories)

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
        with _drawing_apart(self.network.items.device):
            while not self.is_done(epochs):
                self._run_epoch(report, save, save_steps)
                self._close_epoch()
                save()
        self.network.load_state_dict(self._best or self.network.state_dict())

    def ranks(self, places: Int64s, progress: Callable[[int], None] = lambda events: None) -> Float32s:
        """(h,) float32: ranks of these events' items by the parameters as they are."""
        return ranks_of(
            self.network,
            self.histories,
            places,
            self.plan.encoder.length,
            seen_excluded=self.seen_excluded,
            progress=progress,
        )

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Tensors by name, and the rest: enough for `restore` to go on as if nothing had happened."""
        parts = {
            "model": self.network.state_dict(),
            "best": self._best,
            "optimiser": tensors_of(self._optimiser, self.network),
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
            parts[part][name] = torch.from_numpy(np.array(value)).to(self.network.items.device)
        self.network.load_state_dict(parts["model"])
        restore(self._optimiser, self.network, parts["optimiser"])
        self._best = parts["best"]
        self.position = Position(**position)

    def _run_epoch(self, report: Callable[[Report], None], save: Callable[[], None], save_steps: int) -> None:
        position, size = self.position, self.plan.batch_histories
        order = np.random.default_rng([self.plan.seed, position.epoch]).permutation(len(self._windows))
        self.network.train()
        while position.in_epoch < self.steps_an_epoch:
            start = position.in_epoch * size
            self._step(self._windows[order[start : start + size]])
            position.in_epoch += 1
            loss = position.loss_sum / max(position.loss_steps, 1)
            best = position.best.get(MEASURE, 0.0)
            report(Report(position.epoch + 1, position.in_epoch, self.steps_an_epoch, loss, best))
            if position.steps % save_steps == 0 and position.in_epoch < self.steps_an_epoch:
                save()

    def _close_epoch(self) -> None:
        position = self.position
        if not position.loss_steps:
            raise FloatingPointError("no step of an epoch has a finite loss and gradient")
        figures = rank_metrics(self.ranks(self._validation))
        position.epochs.append({"loss": position.loss_sum / position.loss_steps, **figures})
        position.epoch += 1
        position.in_epoch, position.loss_sum, position.loss_steps = 0, 0.0, 0
        if not position.best_epoch or not figures[MEASURE] <= position.best[MEASURE]:
            position.best_epoch, position.best = position.epoch, figures
            self._best = {name: value.clone() for name, value in self.network.state_dict().items()}

    def _step(self, places: Int64s) -> None:
        """One step down the gradient; one that is not finite changes nothing but the rate, which it halves."""
        position, plan = self.position, self.plan
        torch.manual_seed(plan.seed * 1_000_003 + position.steps)
        set_rate(self._optimiser, warmed(plan.rate * position.scale, position.steps, plan.warmup_steps))
        position.steps += 1
        self._optimiser.zero_grad()
        loss = self.loss(places)
        if bool(loss.isfinite()):
            loss.backward()
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

    def _are_gradients_finite(self) -> bool:
        gradients = (parameter.grad for parameter in self.network.parameters())
        return all(bool(gradient.sum().isfinite()) for gradient in gradients if gradient is not None)

    def loss(self, places: Int64s) -> Tensor:
        """Of windows (b, l + 1) of training events: at every place but the oldest, its item is to be foreseen."""
        home, histories = self.network.items.device, self.histories
        items = np.where(places >= 0, histories.items[places], -1)  # (b, l + 1)
        longest = int((items >= 0).sum(1).max())
        rows = torch.from_numpy(items[:, :longest]).to(home)  # (b, longest)
        users = torch.from_numpy(histories.users[places[:, 0]]).to(home)  # (b,)
        taken = rows[:, 1:] >= 0  # (b, longest - 1)
        with torch.autocast(home.type, torch.bfloat16, enabled=home.type == "cuda"):
            vectors = self.network.everywhere(Asked(users, rows[:, 1:]))[taken]  # (n, d)
            return self._objective(vectors, rows[:, :-1][taken])

    def _objective(self, vectors: Tensor, targets: Tensor) -> Tensor:
        if self.plan.objective == SOFTMAX:
            return softmax_over_all(self.network.scores(vectors).float(), targets)
        items = len(self.histories.item_ids)
        drawn = torch.randint(items, (self.plan.negatives,)).to(targets.device)  # (m,)
        others = self.network.scores(vectors, drawn).float()  # (n, m)
        others = others.masked_fill(drawn == targets[:, None], -torch.inf)  # (n, m)
        wanted = self.network.score_pairs(vectors, targets).float()  # (n,)
        return SAMPLED[self.plan.objective](wanted, others, items)


def _array(value: Tensor) -> np.ndarray:
    """A copy, which training does not change."""
    copied: np.ndarray = value.detach().cpu().numpy().copy()
    return copied


@contextmanager
def _drawing_apart(device: torch.device) -> Iterator[None]:
    """What is drawn inside leaves others' random numbers as they are."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def training_events(histories: Histories) -> int:
    """How many events train."""
    return int((histories.parts == TRAIN).sum())


def device_of_machine() -> str:
    """CUDA where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
