"""NextItem: at each place of a history, the item that comes next is to stand above the others."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from models.accuracy import rank_metrics
from models.batch import Float32s, Int64s
from models.neural.examples import examples_of
from models.neural.full_ranking import ranks_of
from models.neural.goal import Goal, seeded
from models.neural.histories import Histories, windows
from models.neural.network import Network, SequenceNetwork, network_of
from models.neural.objectives import SAMPLED, SOFTMAX, softmax_over_all
from models.neural.plan import TrainingPlan
from models.neural.views import augmented


class Scorer(Protocol):
    """Scores of users' vectors with items: a `Network`, or one task of several."""

    def scores(self, users: Tensor, rows: Tensor | None = None) -> Tensor:
        """(n, m): see `Network.scores`."""

    def score_pairs(self, users: Tensor, rows: Tensor) -> Tensor:
        """(n,): see `Network.score_pairs`."""


class NextItem(Goal):
    """The plan's objective, over all training events alike."""

    network: Network

    def __init__(self, plan: TrainingPlan, histories: Histories, *, seen_excluded: bool, device: str = "cpu") -> None:
        self.plan, self.histories, self.seen_excluded = plan, histories, seen_excluded
        self.network = new_network(plan, histories).to(device)
        self.windows = windows(histories, plan.encoder.length)

    @override
    def loss(self, places: Int64s) -> Tensor:
        view = augmented(torch.from_numpy(places), self.plan.augment)
        examples = examples_of(self.histories, view, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            vectors = self.network.everywhere(examples.asked)[examples.taken]  # (n, d)
            return ranking_loss(self.plan, self.network, vectors, examples.targets, len(self.histories.item_ids))

    @property
    @override
    def base(self) -> Network:
        return self.network

    @override
    def figures(self, places: Int64s) -> dict[str, Any]:
        return ranking_figures(self.histories, places, self.ranks(places))

    def ranks(self, places: Int64s) -> Float32s:
        """(h,) float32: ranks of these events' items by the parameters as they are."""
        length = self.plan.encoder.length
        return ranks_of(self.network, self.histories, places, length, seen_excluded=self.seen_excluded)


def new_network(plan: TrainingPlan, histories: Histories) -> Network:
    """As the plan's seed has it."""
    with seeded(plan.seed):
        users, items = len(histories.user_ids), len(histories.item_ids)
        return network_of(plan.model, users, items, plan.encoder, plan.head)


def new_sequence_network(plan: TrainingPlan, histories: Histories) -> SequenceNetwork:
    """As the plan's seed has it. Raises ValueError for a model that reads no histories."""
    network = new_network(plan, histories)
    if not isinstance(network, SequenceNetwork):
        raise ValueError(f"{plan.model} reads no histories")
    return network


def ranking_loss(plan: TrainingPlan, scorer: Scorer, vectors: Tensor, targets: Tensor, items: int) -> Tensor:
    """(): the plan's objective on users' vectors (n, d), to whom `targets` (n,) of so many items came."""
    if plan.objective == SOFTMAX:
        return softmax_over_all(scorer.scores(vectors).float(), targets)
    drawn = torch.randint(items, (plan.negatives,)).to(targets.device)  # (m,)
    others = scorer.scores(vectors, drawn).float()  # (n, m)
    others = others.masked_fill(drawn == targets[:, None], -torch.inf)  # (n, m)
    wanted = scorer.score_pairs(vectors, targets).float()  # (n,)
    return SAMPLED[plan.objective](wanted, others, items)


def ranking_figures(histories: Histories, places: Int64s, ranks: Float32s) -> dict[str, Any]:
    """Of the events (h,) with these ranks; where events are of several kinds, of each kind too, with their number."""
    return {**rank_metrics(ranks), "kinds": _by_kind(histories, histories.kinds[places], ranks)}


def _by_kind(histories: Histories, kinds: Int64s, ranks: Float32s) -> Mapping[str, Mapping[str, float]]:
    if len(histories.kind_names) < 2:
        return {}
    return {
        histories.kind_names[kind]: {"events": int((kinds == kind).sum()), **rank_metrics(ranks[kinds == kind])}
        for kind in np.unique(kinds).tolist()
    }
