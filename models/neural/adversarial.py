"""Adversarial training: the loss is to stay low where the items' vectors move against it (APR: He et al. 2018)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

FLOOR = 1e-12


def adversarial_backward(loss: Callable[[], Tensor], table: nn.Parameter, epsilon: float) -> Tensor:
    """Gradients of L(T) + L(T + delta) for all parameters, and that sum ().

    Each row of delta has the length epsilon and the direction of L's slope there (equation 10, row by row; both losses
    weigh the same); rows without a slope stay. `table` (r, d) holds no gradient yet. `loss` draws the same both times.
    """
    plain = loss()
    plain.backward()
    if table.grad is None:
        return plain
    with _moved(table, epsilon * table.grad / table.grad.norm(dim=1, keepdim=True).clamp(min=FLOOR)):
        moved = loss()
        moved.backward()
    return (plain + moved).detach()


@contextmanager
def _moved(table: nn.Parameter, delta: Tensor) -> Iterator[None]:
    """The table plus delta; afterwards the same bits as before."""
    before = table.detach().clone()
    with torch.no_grad():
        table.add_(delta)
    try:
        yield
    finally:
        with torch.no_grad():
            table.copy_(before)
