"""Pace: a compiled pass over events stops where the sequence expert is to be trained; here it is.

The place depends on the events that were learned alone, so the state is the same however the stream was cut.
"""

import numpy as np

from models.experts.sequence import TRAINED_AT, is_training_due
from models.knowledge import EVENTS, Knowledge


def train_if_due(knowledge: Knowledge, interval_events: int) -> None:
    """Trains the sequence expert when so many events have been learned since it was trained last."""
    if is_training_due(knowledge.sequence, int(knowledge.counters[EVENTS]), interval_events):
        from models.neural.training import train  # torch takes seconds to load

        known = np.flatnonzero(knowledge.events)
        counts, whole = knowledge.popularity.counts[-1, known], knowledge.popularity.totals[-1]
        train(knowledge.sequence, known, (counts / max(whole, 1e-300)).astype(np.float32))
        knowledge.sequence.counters[TRAINED_AT] = knowledge.counters[EVENTS]
