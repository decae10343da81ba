"""The recommender and its evaluation in plain words: dictionaries, one event at a time, nothing bounded.

For catalogues so small that no row overflows and every item is a candidate.
"""

from collections import defaultdict
from math import inf, sqrt
from typing import TypeVar

from models.experts.covisitation import (
    BACKWARD_WEIGHT,
    BASKET_WEIGHT,
    FORWARD_DECAY,
    LEARN_DECAY,
    LEARN_WINDOW_EVENTS,
    PAUSE_MS,
    PAUSE_WEIGHT,
    SCORE_WINDOW_EVENTS,
    SIMILAR_DECAY,
)
from models.experts.popularity import HALF_LIVES_EVENTS
from models.experts.repeats import RECENCY_DECAY
from models.mixture import LEAST_RATE, LEAST_WEIGHT
from models.neighbours import HALF_LIFE_EVENTS
from models.policies import ENOUGH_EVENTS, REPEAT_SHARE
from models.profiles import HISTORY_EVENTS
from models.registry import EXPERTS

PLAIN_EXPERTS = tuple(name for name in EXPERTS if name != "vector")  # item vectors are not repeated here

Context = tuple[int, bool, bool]
Column = dict[str, float]
Key = TypeVar("Key")
TIE = 1e-4  # relative difference below which float32 may take two scores for equal


class PlainModel:
    """What the kernels compute, for comparison."""

    def __init__(self) -> None:
        self.histories: dict[str, list[tuple[str, int]]] = defaultdict(list)  # newest first
        self.popular: list[Column] = [defaultdict(float) for _ in HALF_LIVES_EVENTS]
        self.ties: dict[str, dict[tuple[str, str], float]] = {
            channel: defaultdict(float) for channel in ("next", "forward", "backward", "basket")
        }
        self.totals: dict[str, Column] = {channel: defaultdict(float) for channel in self.ties}
        self.mass: Column = defaultdict(float)
        self.weights: dict[Context, list[float]] = {}
        self.trained: dict[Context, int] = defaultdict(int)
        self.known_user_events = self.repeats = 0

    @property
    def excludes_seen(self) -> bool:
        return self.known_user_events > ENOUGH_EVENTS and self.repeats < REPEAT_SHARE * self.known_user_events

    # -- one event --------------------------------------------------------------------------------------------

    def rank(self, user: str, item: str) -> list[tuple[float, float]]:
        """The least and the highest rank that ties within rounding allow: of the mixture, then of each expert.

        Teaches the mixture.
        """
        own = {taken for taken, _ in self.histories[user]}
        if self.excludes_seen and item in own:
            return [(inf, inf)] * (1 + len(PLAIN_EXPERTS))
        hidden = own if self.excludes_seen else set()
        columns = [{j: s for j, s in column.items() if j not in hidden} for column in self.scores(user)]
        context = self.context(user)
        mixed = self.mix(columns, self.weights_of(context))
        if mixed.get(item, 0.0) > 0:
            self.teach(context, columns, mixed, item)
        return [bounds_of_rank(column, item) for column in (mixed, *columns)]

    def learn(self, user: str, item: str, time_ms: int) -> None:
        """All tables, then the history."""
        history = self.histories[user]
        if history:
            self.tie("next", history[0][0], item, 1.0)
            self.known_user_events += 1
            self.repeats += item in {taken for taken, _ in history}
        self.learn_together(history, item, time_ms)
        self.mass[item] += 1.0
        for half_life_events, column in zip(HALF_LIVES_EVENTS, self.popular, strict=True):
            column[item] += 1.0
            decay(column, half_life_events)
        for ties in self.ties.values():
            decay(ties, HALF_LIFE_EVENTS)
        for column in (*self.totals.values(), self.mass):
            decay(column, HALF_LIFE_EVENTS)
        history.insert(0, (item, time_ms))

    def learn_together(self, history: list[tuple[str, int]], item: str, time_ms: int) -> None:
        for back, (earlier, earlier_ms) in enumerate(history[:LEARN_WINDOW_EVENTS]):
            weight = LEARN_DECAY**back * (PAUSE_WEIGHT if time_ms - earlier_ms >= PAUSE_MS else 1.0)
            if earlier != item:
                self.tie("forward", earlier, item, weight)
                self.tie("backward", item, earlier, weight)
                if time_ms == earlier_ms:
                    self.tie("basket", item, earlier, 1.0)
                    self.tie("basket", earlier, item, 1.0)

    def tie(self, channel: str, row: str, item: str, weight: float) -> None:
        self.ties[channel][row, item] += weight
        self.totals[channel][row] += weight

    # -- the experts' scores ----------------------------------------------------------------------------------

    def scores(self, user: str) -> list[Column]:
        """A column for each of PLAIN_EXPERTS."""
        events = self.histories[user][:HISTORY_EVENTS]
        history = [item for item, _ in events]
        basket = sum(all(time_ms == events[0][1] for _, time_ms in events[: back + 1]) for back in range(len(events)))
        near = history[:SCORE_WINDOW_EVENTS]
        around = [self.around(channel, near) for channel in ("forward", "backward")]
        together = self.around("basket", near[:basket], decay_by_back=1.0)
        recency: Column = defaultdict(float)
        count: Column = defaultdict(float)
        for back, item in enumerate(history):
            recency[item] += RECENCY_DECAY**back
            count[item] += 1.0
        popular = [dict(column) for column in self.popular]
        return [*popular, self.following(history), *around, self.similar(near), together, recency, count]

    def following(self, history: list[str]) -> Column:
        return {
            item: tied / (self.totals["next"][row] + 0.5)
            for (row, item), tied in self.ties["next"].items()
            if history[:1] == [row]
        }

    def around(self, channel: str, history: list[str], decay_by_back: float = FORWARD_DECAY) -> Column:
        column: Column = defaultdict(float)
        for back, row in enumerate(history):
            for item in self.mass:
                tied = self.ties[channel].get((row, item), 0.0)
                column[item] += decay_by_back**back * tied / (self.totals[channel][row] + 1.0)
        return column

    def similar(self, history: list[str]) -> Column:
        column: Column = defaultdict(float)
        for back, row in enumerate(history):
            for item in self.mass:
                ahead, behind, beside = (
                    self.ties[channel].get((row, item), 0.0) for channel in ("forward", "backward", "basket")
                )
                tied = ahead + BACKWARD_WEIGHT * behind + BASKET_WEIGHT * beside
                column[item] += SIMILAR_DECAY**back * tied / sqrt(self.mass[row] + 1.0)
        return {item: score / (self.mass[item] + 1.0) ** 0.25 for item, score in column.items()}

    # -- the mixture ------------------------------------------------------------------------------------------

    def context(self, user: str) -> Context:
        history = self.histories[user][:HISTORY_EVENTS]
        length = sum(len(self.histories[user]) >= bound for bound in (1, 2, 4, 9, 31))
        in_basket = len(history) > 1 and history[0][1] == history[1][1]
        return length, in_basket, len(history) > 1 and history[0][0] == history[1][0]

    def weights_of(self, context: Context) -> list[float]:
        return self.weights.setdefault(context, [1 / len(PLAIN_EXPERTS)] * len(PLAIN_EXPERTS))

    @staticmethod
    def mix(columns: list[Column], weights: list[float]) -> Column:
        totals = [sum(column.values()) for column in columns]
        heard = sum(weight for weight, total in zip(weights, totals, strict=True) if total > 0)
        mixed: Column = defaultdict(float)
        for column, weight, total in zip(columns, weights, totals, strict=True):
            for item, score in column.items():
                mixed[item] += weight / heard * score / total if total > 0 else 0.0
        return mixed

    def teach(self, context: Context, columns: list[Column], mixed: Column, item: str) -> None:
        self.trained[context] += 1
        most = max(self.trained.values())
        if self.trained[context] == 1 and most > 50:
            best = min(each for each, events in self.trained.items() if events == most)
            self.weights[context] = list(self.weights[best])
        rate = max(LEAST_RATE, 1 / (self.trained[context] + 20))
        weights = self.weights[context]
        for expert, column in enumerate(columns):
            total = sum(column.values())
            if total > 0:
                share = column.get(item, 0.0) / total / mixed[item]
                weights[expert] += rate * (weights[expert] * share - weights[expert])
            weights[expert] = max(weights[expert], LEAST_WEIGHT)
        self.weights[context] = [weight / sum(weights) for weight in weights]


def decay(table: dict[Key, float], half_life_events: float) -> None:
    """By one event."""
    for key in table:
        table[key] *= 0.5 ** (1 / half_life_events)


def bounds_of_rank(column: Column, item: str) -> tuple[float, float]:
    """Rank of the item, its ties half, where rounding may make or break ties; inf = it has no score."""
    own = column.get(item, 0.0)
    if own <= 0:
        return inf, inf
    others = [score for other, score in column.items() if other != item and score > 0]
    higher = sum(score > own * (1 + TIE) for score in others)
    equal = sum(own * (1 - TIE) <= score <= own * (1 + TIE) for score in others)
    return (1.0 + higher + 0.5 * equal,) * 2 if equal == 0 else (1.0 + higher, 1.0 + higher + equal)
