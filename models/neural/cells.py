"""Cells: where to look first for the items with the highest logits, by the optional extra `faiss`.

An inverted file (Jegou, Douze & Schmid 2011, section IV, without its codes): k-means divides the items of a base into
cells once, and of a user's history only the cells whose centres score highest are looked through. An item is the point
of its vector and its bias, so that a score is an inner product. Items that the base knows stay in their cell however
they are tuned, which makes an index that is built anew as cheap as a copy.
"""

import faiss
import numpy as np

from models.batch import Float32s, Int64s

CELLS = 1024
PROBED = 64
_POINTS_PER_CELL = 40
_ROUNDS = 10
_SEED = 25


class Cells:
    """Of a base's items, vectors (m, d) and biases (m,). Always the same for these: one thread, and a fixed seed.

    Attributes:
        of_base: (m,) int64, the cell of each.
    """

    def __init__(self, items: Float32s, bias: Float32s) -> None:
        self._centres = faiss.IndexFlatIP(items.shape[1] + 1)
        index = self._empty()
        index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = _SEED, _ROUNDS, _POINTS_PER_CELL
        faiss.omp_set_num_threads(1)
        index.train(_points(items, bias))
        self.of_base = self.of(items, bias)

    def of(self, items: Float32s, bias: Float32s) -> Int64s:
        """(k,): the cells of items with vectors (k, d) and biases (k,)."""
        faiss.omp_set_num_threads(1)
        cells: Int64s = self._centres.search(_points(items, bias), 1)[1][:, 0]
        return cells

    def index(self, rows: Int64s, items: Float32s, bias: Float32s, cells: Int64s) -> "Index":
        """Of the items in these rows (k,), vectors (k, d), biases (k,) and cells (k,)."""
        index = self._empty()
        columns = _points(items, bias), *(np.ascontiguousarray(each, np.int64) for each in (rows, cells))
        index.add_core(len(rows), *map(faiss.swig_ptr, columns))
        return Index(index)

    def _empty(self) -> "faiss.IndexIVFFlat":
        return faiss.IndexIVFFlat(self._centres, self._centres.d, CELLS, faiss.METRIC_INNER_PRODUCT)


class Index:
    """What may be proposed, by cells."""

    def __init__(self, index: "faiss.IndexIVFFlat") -> None:
        self._index = index
        index.nprobe = PROBED

    def best(self, users: Float32s, count: int) -> Int64s:
        """(b, count): rows of items with high logits, of users' vectors (b, d), the highest first; -1 = none."""
        faiss.omp_set_num_threads(1)
        rows: Int64s = self._index.search(_points(users, np.ones(len(users), np.float32)), count)[1]
        return rows


def _points(vectors: Float32s, last: Float32s) -> Float32s:
    return np.ascontiguousarray(np.column_stack([vectors, last]), np.float32)
