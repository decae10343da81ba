"""What training minimises: the item that came is to stand above the others.

All take scores of n examples: of the item that came, `wanted` (n,), and of m others, `others` (n, m), where minus
infinity marks one that does not count, because it came itself. All are means over the examples.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, softplus

Objective = Callable[[Tensor, Tensor, int], Tensor]


def softmax_over_all(scores: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of a softmax over all items: `scores` (n, items), and of `targets` (n,) which item came."""
    return cross_entropy(scores, targets)


def sampled_softmax(wanted: Tensor, others: Tensor, items: int) -> Tensor:
    """Cross-entropy of a softmax over the item and m others, drawn evenly among `items` (Bengio & Senecal 2008).

    Less the logarithm of how often each other one is to be expected, m / items, which makes up for those not drawn
    (logQ: Yi et al. 2019).
    """
    corrected = others - torch.tensor(others.shape[1] / items).log()  # (n, m)
    scores = torch.cat([wanted[:, None], corrected], 1)  # (n, 1 + m)
    return cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long, device=scores.device))


def bpr(wanted: Tensor, others: Tensor, _items: int) -> Tensor:
    """Bayesian personalised ranking: -log sigma(s+ - s-), a mean over the pairs (Rendle et al. 2009, BPR-Opt)."""
    return _mean_where(softplus(others - wanted[:, None]), others.isfinite())


def binary_cross_entropy(wanted: Tensor, others: Tensor, _items: int) -> Tensor:
    """1 for the item, 0 for the others; these weigh together as much as it (Kang & McAuley 2018, equation 7)."""
    return -logsigmoid(wanted).mean() + _mean_where(softplus(others), others.isfinite())


def generalised_binary_cross_entropy(wanted: Tensor, others: Tensor, items: int) -> Tensor:
    """gBCE: sigma(s+) to the power beta makes up for drawing few others (Petrov & Macdonald 2023, equations 11 to 14).

    beta = a (t (1 - 1/a) + 1/a), where a = m / (items - 1) is the share drawn; t = .75.
    """
    drawn = min(others.shape[1] / max(items - 1, 1), 1.0)
    beta = drawn * (CALIBRATION * (1 - 1 / drawn) + 1 / drawn)
    whole = -beta * logsigmoid(wanted) + torch.where(others.isfinite(), softplus(others), 0.0).sum(1)  # (n,)
    return whole.mean() / (1 + others.shape[1])


def squared_error(wanted: Tensor, others: Tensor, _items: int) -> Tensor:
    """Mean squared error against 1 for the item and 0 for the others, which weigh together as much as it."""
    counts = others.isfinite()  # (n, m)
    return (wanted - 1).square().mean() + _mean_where(torch.where(counts, others, 0.0).square(), counts)


CALIBRATION = 0.75  # t of gBCE
SOFTMAX = "softmax"
SAMPLED: Mapping[str, Objective] = {
    "sampled-softmax": sampled_softmax,
    "bpr": bpr,
    "bce": binary_cross_entropy,
    "gbce": generalised_binary_cross_entropy,
    "mse": squared_error,
}
OBJECTIVES = (SOFTMAX, *SAMPLED)


def _mean_where(values: Tensor, counts: Tensor) -> Tensor:
    return torch.where(counts, values, 0.0).sum() / counts.sum().clamp(min=1)
