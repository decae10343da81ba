"""Optimisers by name, with L2 and warm-up."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer


class RowWiseAdagrad(Optimizer):
    """Adagrad with one sum of squared gradients a row (Duchi et al. 2011; rows: Mudigere et al. 2022, section 4.1.3).

    For tables of embeddings: a number a row to remember in place of one a value, and rows that got no gradient stand
    still. A vector is a table of rows of one value.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float = 0.0, eps: float = 1e-8) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step down the gradients."""
        for group in self.param_groups:
            for parameter in filter(_has_gradient, group["params"]):
                self._descend(parameter, group)

    def _descend(self, parameter: Tensor, group: Mapping[str, Any]) -> None:
        gradient = cast("Tensor", parameter.grad).reshape(len(parameter), -1)  # (r, w)
        rows = parameter.view(len(parameter), -1)  # (r, w)
        came = (gradient != 0).any(1, keepdim=True)  # (r, 1)
        gradient = gradient + group["weight_decay"] * rows * came  # (r, w)
        state = self.state[parameter]
        if not state:
            state["sums"] = rows.new_zeros(len(rows), 1)  # (r, 1)
        state["sums"] += gradient.square().mean(1, keepdim=True)  # (r, 1)
        rows -= group["lr"] * gradient / (state["sums"].sqrt() + group["eps"])  # (r, w)


def _has_gradient(parameter: Tensor) -> bool:
    return parameter.grad is not None


OPTIMISERS: Mapping[str, Callable[[Iterable[Tensor], float, float], Optimizer]] = {
    "adam": lambda parameters, rate, l2: Adam(parameters, rate, weight_decay=l2),
    "adamw": lambda parameters, rate, l2: AdamW(parameters, rate, weight_decay=l2),
    "sgd": lambda parameters, rate, l2: SGD(parameters, rate, momentum=0.9, weight_decay=l2),
    "adagrad": RowWiseAdagrad,
}


def warmed(rate: float, step: int, warmup_steps: int) -> float:
    """The rate of a step, counted from 0: it rises evenly to the whole over the first `warmup_steps`."""
    return rate * min(1.0, (step + 1) / max(warmup_steps, 1))


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """From the next step on."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def tensors_of(optimiser: Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """What it remembers, by `parameter/name`."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    return {
        f"{names[parameter]}/{key}": value
        for parameter, state in optimiser.state.items()
        for key, value in state.items()
        if isinstance(value, Tensor)
    }


def restore(optimiser: Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts back what `tensors_of` gave."""
    parameters = dict(model.named_parameters())
    optimiser.state.clear()
    for key, value in tensors.items():
        name, _, field = key.rpartition("/")
        home = "cpu" if field == "step" else parameters[name].device  # Adam counts its steps on the CPU
        optimiser.state[parameters[name]][field] = value.clone().to(home)
