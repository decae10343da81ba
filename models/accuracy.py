"""How good ranks are: what each event adds to each figure, and the figures, which are its mean.

An event has one relevant item, the one that came. So precision and recall say no more than the hit rate.
"""

import numpy as np

from models.batch import Float32s, Float64s

CUTOFFS = (10, 20)


def gains(ranks: Float32s) -> dict[str, Float64s]:
    """(n,) float64 for each figure, of (n,) ranks from 1, inf = not ranked; nothing from ranks beyond the cut-off.

    Hit rate 1, reciprocal rank 1 / rank, NDCG 1 / log2(1 + rank) (Järvelin & Kekäläinen 2002).
    """
    exact = ranks.astype(np.float64)
    values = {"hr": np.ones_like(exact), "mrr": 1 / exact, "ndcg": 1 / np.log2(1 + exact)}
    return {
        f"{name}_at_{cutoff}": np.where(exact <= cutoff, value, 0.0)
        for name, value in values.items()
        for cutoff in CUTOFFS
    }


def rank_metrics(ranks: Float32s) -> dict[str, float]:
    """Hit rate, mean reciprocal rank and NDCG at 10 and 20 of (n,) ranks; nan over no events."""
    return {name: float(column.mean()) if len(column) else float("nan") for name, column in gains(ranks).items()}
