"""What follows the last item: first-order transitions, an item to itself included."""

from models.batch import Float32s
from models.candidates import Candidates, propose
from models.compiled import inlined, kernel
from models.neighbours import NEIGHBOURS, NEXT, Neighbours, add_neighbour
from models.profiles import Profiles, item_back, remembered


@inlined
def learn_transitions(table: Neighbours, profiles: Profiles, user: int, item: int, weight: float) -> None:
    """Counts the step from the user's last item to `item`."""
    if remembered(profiles, user) > 0:
        last = item_back(profiles, user, 0)
        if last >= 0:
            add_neighbour(table, last, item, NEXT, weight * table.scale[0])


@kernel
def score_transitions(table: Neighbours, profiles: Profiles, user: int, candidates: Candidates, out: Float32s) -> None:
    """Proposes what followed the last item c, with next[c][j] / (n_c + 0.5)."""
    if remembered(profiles, user) == 0:
        return
    last = item_back(profiles, user, 0)
    if last < 0:
        return
    whole = 1.0 / (table.totals[last, NEXT] + 0.5 * table.scale[0])
    for place in range(NEIGHBOURS):
        if table.items[last, place] >= 0 and table.counts[last, NEXT, place] > 0:
            position = propose(candidates, table.items[last, place])
            if position >= 0:
                out[position] = table.counts[last, NEXT, place] * whole
