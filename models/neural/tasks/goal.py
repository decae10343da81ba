"""MultiTask: events of each kind are foreseen by a head of their own, and values that events state are told."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from models.batch import Float32s, Float64s, Int64s
from models.neural.examples import Examples, examples_of
from models.neural.full_ranking import MISS, asked_before, ranks_of
from models.neural.goal import Goal, evaluating, seeded
from models.neural.histories import TRAIN, Histories, batches, places_before, windows
from models.neural.network import Network
from models.neural.next_item import new_network, ranking_figures, ranking_loss
from models.neural.plan import TasksPlan, TrainingPlan
from models.neural.tasks.network import Ranker, TaskNetwork, Teller
from models.neural.tasks.values import BCE, Values
from models.neural.views import augmented

KINDS, NEXT = "kinds", "next"
BATCH_EVENTS = 1024


class MultiTask(Goal):
    """The plan's objective for each ranking task, and the loss of values, in balance.

    Raises ValueError where the events do not have what a task needs.
    """

    network: TaskNetwork

    def __init__(
        self, plan: TrainingPlan, tasks: TasksPlan, histories: Histories, *, seen_excluded: bool, device: str = "cpu"
    ) -> None:
        self.plan, self.tasks, self.histories, self.seen_excluded = plan, tasks, histories, seen_excluded
        self.windows = windows(histories, plan.encoder.length)
        self._values = Values.of(histories, tasks) if tasks.values else None
        self._task_of_kind = _task_of_kind(histories, tasks)
        self._rankers = len(np.unique(self._task_of_kind[self._task_of_kind >= 0]))
        biases = None if self._values is None else self._values.starting_biases(histories)
        with seeded(plan.seed):
            teller = None if biases is None else Teller(plan.encoder.width, torch.from_numpy(biases))
            shared = new_network(plan, histories)
            self.network = TaskNetwork(shared, self._rankers, tasks, plan.encoder.dropout, teller)
        self.network.to(device)

    @override
    def loss(self, places: Int64s) -> Tensor:
        view = augmented(torch.from_numpy(places), self.plan.augment)
        examples = examples_of(self.histories, view, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            vectors = self.network.shared.everywhere(examples.asked)[examples.taken]  # (n, d)
            losses = {**self._ranking_losses(vectors, examples), **self._value_losses(vectors, examples)}
            return self.network.balance(losses) if losses else vectors.sum() * 0

    def _ranking_losses(self, vectors: Tensor, examples: Examples) -> dict[int, Tensor]:
        tasks = self._task_of_kind[self.histories.kinds[examples.places]]  # (n,)
        losses: dict[int, Tensor] = {}
        for task in range(self._rankers):
            chosen = torch.from_numpy(np.flatnonzero(tasks == task)).to(self.device)  # (m,)
            if len(chosen):
                ranker, targets = Ranker(self.network, task), examples.targets[chosen]
                losses[task] = ranking_loss(self.plan, ranker, vectors[chosen], targets, len(self.histories.item_ids))
        return losses

    def _value_losses(self, vectors: Tensor, examples: Examples) -> dict[int, Tensor]:
        if self._values is None:
            return {}
        stated = np.flatnonzero(self._values.stated(examples.places))  # (m,)
        if not len(stated):
            return {}
        chosen = torch.from_numpy(stated).to(self.device)  # (m,)
        so_far = self._values.stated_so_far(examples.histories)[examples.taken.cpu().numpy()]  # (n,)
        so_far = torch.from_numpy(so_far[stated]).to(self.device, torch.float32)  # (m,)
        told = self.network.told(vectors[chosen], examples.targets[chosen], so_far)  # (m,)
        return {self._rankers: self._values.loss_of(told, examples.places[stated])}

    @property
    @override
    def base(self) -> Network:
        return self.network.shared

    @override
    def figures(self, places: Int64s) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        if self._rankers:
            figures |= ranking_figures(self.histories, places, self.ranks(places))
        if self._values is not None:
            known = self.histories.items[places] < len(self.histories.item_ids)
            stated = places[known & self._values.stated(places)]
            figures["values"] = self._values.figures(self._told(self._values, stated), stated, self.histories)
        return figures

    @override
    def quality(self, figures: dict[str, Any]) -> float | None:
        if self._rankers:
            return super().quality(figures)
        quality: float = figures["values"]["auc"] if self.tasks.values == BCE else -figures["values"]["rmse"]
        return quality

    def ranks(self, places: Int64s) -> Float32s:
        """(h,) float32: ranks of these events' items, each by its kind's head."""
        tasks = self._task_of_kind[self.histories.kinds[places]]  # (h,)
        ranks = np.full(len(places), MISS, np.float32)
        with evaluating(self.network):
            for task in range(self._rankers):
                ranks[tasks == task] = ranks_of(
                    self.network.shared,
                    self.histories,
                    places[tasks == task],
                    self.plan.encoder.length,
                    seen_excluded=self.seen_excluded,
                    scores=Ranker(self.network, task).scores,
                )
        return ranks

    def _told(self, values: Values, places: Int64s) -> Float64s:
        """(p,): what is told of these events, whose items training has met; the higher the better liked."""
        told, length = np.empty(len(places)), self.plan.encoder.length
        with evaluating(self.network):
            for chosen in batches(len(places), BATCH_EVENTS):
                asked = asked_before(self.histories, places[chosen], length, self.device)
                rows = torch.from_numpy(self.histories.items[places[chosen]]).to(self.device)  # (b,)
                so_far = values.stated_so_far(places_before(self.histories, places[chosen], length))[:, 0]  # (b,)
                stated = torch.from_numpy(so_far).to(self.device, torch.float32)  # (b,)
                told[chosen] = self.network.told(self.network.shared(asked), rows, stated).float().cpu().numpy()
        return told


def _task_of_kind(histories: Histories, tasks: TasksPlan) -> Int64s:
    """(kinds,): the number of each kind's ranking task, -1 = none."""
    kinds = len(histories.kind_names)
    if tasks.ranking == NEXT:
        return np.zeros(kinds, np.int64)
    if tasks.ranking is None:
        return np.full(kinds, -1)
    if kinds < 2:
        raise ValueError("the events are of one kind only")
    examples = np.bincount(histories.kinds[histories.with_history(TRAIN)], minlength=kinds)  # (kinds,)
    if not examples.all():
        raise ValueError(f"no event of kind {histories.kind_names[int(examples.argmin())]} trains")
    return np.arange(kinds)
