"""What the kernels learned, in torch: the same memory, and the same scores, differentiable.

What one side changes, the other sees at once. It ends where memory is not shared any more: when the recommender grows
its tables or loads a snapshot it makes new arrays, and a module that is moved to a device or another type has its own.
So make the module anew from `Recommender.knowledge` after each `learn` or `load`; making one copies nothing.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from models.experts.vectors import POSITION_DECAY, WINDOW_EVENTS, Vectors
from models.features import MIXED
from models.ranker import CLIP, LEAK, LEAST_VARIANCE, LIMIT, Ranker

if TYPE_CHECKING:  # torch takes seconds to load, and neither the kernels nor the worker need it
    from torch import Tensor, nn

RANKER_PARAMETERS = frozenset({"shared", "by_context", "inner", "situated", "offset", "outer", "bias"})
VECTOR_PARAMETERS = frozenset({"inputs", "outputs", "bias", "positions"})


def ranker_module(ranker: Ranker) -> "nn.Module":
    """A module with the ranker's scores, its parameters and buffers being the ranker's arrays by name.

    Called with the features (f, c) as `FeatureScratch.values` holds them, the situation (9,), the context (a number)
    and the rows (c,) of the candidates' items, it gives their scores, (c,).
    """
    return _sharing(ranker, RANKER_PARAMETERS, _ranker_scores)


def vectors_module(vectors: Vectors) -> "nn.Module":
    """A module with the logits of the item vectors, its parameters and buffers being their arrays by name.

    Called with the user's vector (64,), the rows (h,) of the user's last items, newest first, -1 = forgotten, and the
    rows (c,) of items, it gives the items' logits, (c,).
    """
    return _sharing(vectors, VECTOR_PARAMETERS, _vector_logits)


def _sharing(tables: Ranker | Vectors, learned: frozenset[str], forward: Callable[..., "Tensor"]) -> "nn.Module":
    import torch
    from torch import nn

    class Sharing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, array in zip(tables._fields, tables, strict=True):
                if name in learned:
                    self.register_parameter(name, nn.Parameter(torch.from_numpy(array)))
                else:
                    self.register_buffer(name, torch.from_numpy(array))

        def forward(self, *inputs: object) -> torch.Tensor:
            return forward(dict(self.named_parameters()) | dict(self.named_buffers()), *inputs)

    return Sharing()


def _ranker_scores(
    own: Mapping[str, "Tensor"], features: "Tensor", situation: "Tensor", context: int, items: "Tensor"
) -> "Tensor":
    from torch.nn.functional import leaky_relu

    standard = _standardised(own, features)  # (f, c)
    start = own["offset"] + own["situated"] @ situation  # (32,)
    hidden = leaky_relu(own["inner"] @ standard + start[:, None], LEAK)  # (32, c)
    weights = own["shared"] + own["by_context"][context]  # (f,)
    return weights @ standard + own["outer"] @ hidden + own["bias"][items]


def _standardised(own: Mapping[str, "Tensor"], features: "Tensor") -> "Tensor":
    scale = (own["variances"] + LEAST_VARIANCE).rsqrt()  # (f,)
    bound = scale.new_full(scale.shape, CLIP)  # (f,)
    scale[MIXED], bound[MIXED] = 1.0, LIMIT
    standard = (features - own["means"][:, None]) * scale[:, None]
    return standard.clamp(-bound[:, None], bound[:, None])


def _vector_logits(own: Mapping[str, "Tensor"], taste: "Tensor", history: "Tensor", items: "Tensor") -> "Tensor":
    rows = history[:WINDOW_EVENTS]
    scale: float = max(sum(POSITION_DECAY**back for back in range(len(rows))), 1e-9) ** -0.5
    shares = own["positions"][: len(rows)] * (rows >= 0) * scale  # (h,)
    user = taste + shares @ own["inputs"][rows.clamp(min=0)]  # (64,)
    return own["bias"][items] + own["outputs"][items] @ user
