"""Proposals: the items with the highest logits among all that may be proposed.

Exact to 100,000 items. Beyond, where the base of the expert knows as many and the extra `faiss` is installed, by cells.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.batch import Bools, Float32s, Int32s, Int64s
from models.profiles import NOBODY
from models.sequence_options import BaseModel

if TYPE_CHECKING:
    from models.neural.cells import Cells, Index

EXACT_ITEMS = 100_000


class Proposals:
    """Of n rows of items; which may be proposed, and their biases, are those of the last refresh."""

    def __init__(self, rows: int, base: BaseModel | None) -> None:
        self._bias = np.full(rows, -np.inf, np.float32)  # of what may not be proposed -inf
        self._used = 0  # rows behind are all -inf
        self._cells = _cells_of(base)
        self._cell = np.full(rows if self._cells else 0, NOBODY, np.int64)  # of items that the base knows
        self._index: Index | None = None

    def fit(self, rows: int) -> None:
        """Makes room for so many rows."""
        more = rows - len(self._bias)
        self._bias = np.append(self._bias, np.full(more, -np.inf, np.float32))
        self._cell = np.append(self._cell, np.full(more if self._cells else 0, NOBODY, np.int64))

    def place(self, rows: Int64s, places: Int64s) -> None:
        """The rows go to items that the base has in these places; -1 = it does not know them."""
        if self._cells:
            self._cell[rows] = np.where(places >= 0, self._cells.of_base[places], NOBODY)

    def refresh(self, items: Float32s, bias: Float32s, here: Bools) -> None:
        """Lets the items `here` (n,) be proposed, by vectors (n, d) and biases (n,)."""
        self._bias = np.where(here, bias, np.float32(-np.inf))
        self._used = 1 + int(np.flatnonzero(here).max(initial=-1))
        self._build(items)

    def forget(self, items: Float32s, rows: Int32s) -> None:
        """The rows go to other items; vectors (n, d) are those of the others."""
        self._bias[rows] = -np.inf
        self._build(items)

    def best(self, users: Tensor, items: Tensor, count: int) -> Int32s:
        """(b, count): rows of items, the highest logits first, of users' vectors (b, d); -1 = none is left."""
        if self._index:
            return self._index.best(users.numpy(), count).astype(np.int32)
        rows = np.full((len(users), count), NOBODY, np.int32)
        found = min(count, self._used)
        if found:
            logits = users @ items[: self._used].T + torch.from_numpy(self._bias[: self._used])  # (b, used)
            best, places = logits.topk(found)  # (b, found), (b, found)
            rows[:, :found] = places.masked_fill(best == -torch.inf, NOBODY).numpy()
        return rows

    def size_bytes(self) -> int:
        """Memory of all tables, besides the cells'."""
        return self._bias.nbytes + self._cell.nbytes

    def _build(self, items: Float32s) -> None:
        """An index follows from what may be proposed alone, so that a restored one is the same."""
        self._index = None
        if not self._cells:
            return
        rows = np.flatnonzero(self._bias > -np.inf)
        if len(rows) <= EXACT_ITEMS:
            return
        vectors, bias, cells = items[rows], self._bias[rows], self._cell[rows]
        new = cells == NOBODY
        cells[new] = self._cells.of(vectors[new], bias[new])
        self._index = self._cells.index(rows, vectors, bias, cells)


def _cells_of(base: BaseModel | None) -> "Cells | None":
    if base is None or len(base.bias) <= EXACT_ITEMS or find_spec("faiss") is None:
        return None
    from models.neural.cells import Cells as Known  # the optional extra `faiss`

    return Known(base.items, base.bias)
