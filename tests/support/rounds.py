"""Users who go round the items in steps of 3, and a small training that learns it."""

import dataclasses
from typing import Any

import numpy as np

from models.batch import Interactions
from models.neural.encoders.encoder import EncoderConfig
from models.neural.histories import VALIDATION, Histories, histories_of, leave_one_out
from models.neural.next_item import NextItem
from models.neural.offline import Trainer
from models.neural.plan import TrainingPlan

ITEMS, USERS = 30, 80
SMALL = EncoderConfig(width=16, length=8, blocks=1, heads=2, dropout=0.1)
PLAN = TrainingPlan("sasrec", SMALL, "dot", "softmax", rate=0.01, warmup_steps=5, batch_histories=16, negatives=16)


def rounds() -> Histories:
    """Each from anywhere: the last item tells the next."""
    draw = np.random.default_rng(1)
    pairs = [
        (f"u{user}", f"i{(start + 3 * step) % ITEMS:02}")
        for user, start in enumerate(draw.integers(0, ITEMS, USERS))
        for step in range(12)
    ]
    users, items = zip(*pairs, strict=True)
    stream = Interactions.of(users, items, np.arange(len(pairs)))
    return histories_of(stream, leave_one_out(stream))


def trainer_of(histories: Histories, *, seen_excluded: bool = False, **changes: Any) -> Trainer:
    """Of the plan with some changes."""
    plan = dataclasses.replace(PLAN, **changes)
    goal = NextItem(plan, histories, seen_excluded=seen_excluded)
    return Trainer(plan, goal, histories.with_history(VALIDATION))
