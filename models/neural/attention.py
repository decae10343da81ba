"""One block of self-attention after SASRec (Kang & McAuley 2018), of which only the newest place is asked.

With x_r = i_r + P_r for the r-th last item's vector i_r, newest r = 0:
a = softmax_r((W_q x_0) . (W_k x_r) / sqrt(d)), y = x_0 + W_o W_v sum_r a_r x_r,
h = norm(y + W_2 relu(W_1 norm(y) + b_1) + b_2), norm being layer normalisation (Ba et al. 2016). Keys and values are
linear in x, so the sums over r are taken first, and no matrix meets every item.
"""

import torch
from torch import Tensor, nn

INNER = 4
POSITION_SPREAD = 0.3


class NewestAttention(nn.Module):
    """The encoder that is trained on the stream."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.randn(length, width) * POSITION_SPREAD)
        self.query, self.key, self.value, self.output = (
            nn.Parameter(torch.randn(width, width) * width**-0.5) for _ in range(4)
        )
        self.norm, self.last_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, INNER * width), nn.Linear(INNER * width, width)
        for linear in (self.inner, self.outer):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            nn.init.zeros_(linear.bias)

    def forward(self, inputs: Tensor, known: Tensor) -> Tensor:
        """(b, d): what histories say, vectors (b, l, d), newest first; `known` (b, l) bool, one at least in a row."""
        x = inputs + self.positions  # (b, l, d)
        query = x[:, 0] @ self.query.T @ self.key  # (b, d), W_k' W_q x_0
        attention = (x @ query[:, :, None])[:, :, 0] * x.shape[2] ** -0.5  # (b, l)
        attention = attention.masked_fill(~known, -torch.inf).softmax(1)  # (b, l)
        summed = (attention[:, None] @ x)[:, 0]  # (b, d)
        y = x[:, 0] + summed @ self.value.T @ self.output.T  # (b, d)
        out: Tensor = self.last_norm(y + self.outer(torch.relu(self.inner(self.norm(y)))))  # (b, d)
        return out
