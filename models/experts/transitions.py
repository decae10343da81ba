"""What follows the last item: first-order transitions, an item to itself included."""

import numpy as np

from models.batch import Float32s
from models.compiled import inlined
from models.neighbours import NEXT, NEXT_COUNT, NEXT_SUM, Neighbours, add_neighbour
from models.profiles import Profiles, item_back, remembered


@inlined
def learn_transitions(table: Neighbours, profiles: Profiles, user: int, item: int, weight: float) -> None:
    """Counts the step from the user's last item to `item`."""
    if remembered(profiles, user) > 0:
        last = item_back(profiles, user, 0)
        if last >= 0:
            add_neighbour(table, last, item, NEXT, weight * table.scale[0])


@inlined
def weigh_transitions(table: Neighbours, row: int, factors: Float32s) -> None:
    """For the row of the last item c: next[c][j] counts as next[c][j] / (n_c + 0.5), and as itself."""
    unscale = np.float32(1.0 / table.scale[0])
    factors[NEXT, NEXT_SUM] = unscale / (table.totals[row, NEXT] * unscale + np.float32(0.5))
    factors[NEXT, NEXT_COUNT] = unscale
