"""Values that events state, ratings for one: what is learned of them, and how well they are foretold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from models.batch import Bools, Float32s, Float64s, Int64s
from models.neural.histories import TRAIN, Histories
from models.neural.plan import TasksPlan

MSE, BCE = "mse", "bce"
VALUE_LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {MSE: mse_loss, BCE: binary_cross_entropy_with_logits}
PRIOR_EVENTS = 5


@dataclass(frozen=True, slots=True)
class Values:
    """What is to be told of each event, from its value.

    Attributes:
        loss: a name of VALUE_LOSSES. "mse": the value in standard deviations from the mean of training; "bce": 1 where
            the value is `liked_from` or more, else 0.
        targets: (n,) float64, NaN = nothing to tell.
        mean: of the training values, spread: their standard deviation; 0 and 1 where classes are told.
        usual: mean of the targets that train.
    """

    loss: str
    targets: Float64s
    mean: float
    spread: float
    usual: float

    @classmethod
    def of(cls, histories: Histories, plan: TasksPlan) -> Self:
        """Raises ValueError where training has nothing to learn from."""
        if plan.liked_from is not None and plan.values == BCE:
            liked = np.where(np.isnan(histories.values), np.nan, histories.values >= plan.liked_from)
            return cls._checked(BCE, liked, histories, 0.0, 1.0)
        values = np.where(np.isfinite(histories.values), histories.values, np.nan)  # (n,)
        trained = values[(histories.parts == TRAIN) & ~np.isnan(values)]
        mean, spread = (float(trained.mean()), float(trained.std())) if len(trained) else (0.0, 0.0)
        return cls._checked(MSE, (values - mean) / (spread or 1.0), histories, mean, spread or 1.0)

    @classmethod
    def _checked(cls, loss: str, targets: Float64s, histories: Histories, mean: float, spread: float) -> Self:
        there = targets[(histories.parts == TRAIN) & ~np.isnan(targets)]
        if len(np.unique(there)) < 2:
            what = "are all liked or all not" if loss == BCE else "are all the same"
            raise ValueError(f"the values of the training events {what}" if len(there) else "no event states a value")
        return cls(loss, targets, mean, spread, float(there.mean()))

    def stated(self, places: Int64s) -> Bools:
        """(p,): which of the events at these places there is something to tell of."""
        stated: Bools = ~np.isnan(self.targets[places])
        return stated

    def stated_so_far(self, histories: Int64s) -> Float64s:
        """(b, l): how far the mean of what an event and all older ones state is from the usual.

        Of places (b, l), newest first, -1 = none. Five events that state the usual are added.
        """
        targets = np.where(histories >= 0, self.targets[histories], np.nan)  # (b, l)
        apart = np.where(np.isnan(targets), 0.0, targets - self.usual)  # (b, l)
        sums = apart[:, ::-1].cumsum(1)[:, ::-1]  # (b, l)
        counts = (~np.isnan(targets))[:, ::-1].cumsum(1)[:, ::-1]  # (b, l)
        means: Float64s = sums / (counts + PRIOR_EVENTS)
        return means

    def loss_of(self, told: Tensor, places: Int64s) -> Tensor:
        """(): of what was told (p,) of the events at these places, which all state something."""
        wanted = torch.from_numpy(self.targets[places]).to(told.device, torch.float32)  # (p,)
        return VALUE_LOSSES[self.loss](told.float(), wanted)

    def figures(self, told: Float64s, places: Int64s, histories: Histories) -> dict[str, float]:
        """RMSE in units of the values, or the area under the ROC curve; beside them, that of the items' means.

        An item's mean is that of its training events, to which five of the mean of all are added.
        """
        means = self._item_means(histories)[histories.items[places]]  # (p,)
        wanted = self.targets[places]  # (p,)
        if self.loss == BCE:
            return {"events": len(places), "auc": _auc(wanted, told), "auc_of_item_means": _auc(wanted, means)}
        return {
            "events": len(places),
            "rmse": self.spread * _rmse(wanted, told),
            "rmse_of_item_means": self.spread * _rmse(wanted, means),
        }

    def starting_biases(self, histories: Histories) -> Float32s:
        """(items,): what says the items' means, as it is to be told: for classes, the logarithm of their odds."""
        means = self._item_means(histories)  # (items,), between the extremes: the usual is among them
        return (np.log(means / (1 - means)) if self.loss == BCE else means).astype(np.float32)

    def _item_means(self, histories: Histories) -> Float64s:
        """(items,): of the targets of those that training meets."""
        trains = np.flatnonzero((histories.parts == TRAIN) & ~np.isnan(self.targets))
        rows, targets = histories.items[trains], self.targets[trains]
        size = len(histories.item_ids)
        sums = np.bincount(rows, targets, size) + PRIOR_EVENTS * targets.mean()
        means: Float64s = sums / (np.bincount(rows, minlength=size) + PRIOR_EVENTS)
        return means


def _rmse(wanted: Float64s, told: Float64s) -> float:
    """Nan of no events."""
    return float(np.sqrt(np.square(wanted - told).mean())) if len(wanted) else float("nan")


def _auc(wanted: Float64s, told: Float64s) -> float:
    """Nan where all events are of one class."""
    return float(roc_auc_score(wanted, told)) if len(np.unique(wanted)) == 2 else float("nan")
