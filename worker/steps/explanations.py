"""What lists can be published with beyond items, scores and plain reasons: explanations, and the user's last events."""

from collections.abc import Sequence

import numpy as np

from models.batch import Float32s, Int32s
from models.experts.popularity import standing
from models.explaining import PARTS, RULE_PART
from models.moving import Moved
from models.profiles import last_events
from models.ranking import Ranked
from models.recommender import Recommender
from models.registry import ALL_EXPERTS
from models.shard import ProfileShard
from worker.events import Mover, Reason, RecentEvent
from worker.steps.kinds import KindNames

DIGITS, TREND_DIGITS, POPULARITY_DIGITS = 4, 2, 6


class Explainer:
    """Explains lists by ids and by the names of kinds."""

    def __init__(self, recommender: Recommender, kinds: KindNames) -> None:
        self._recommender = recommender
        self._kinds = kinds

    def explained(self, ranked: Ranked, reasons: Sequence[Sequence[Reason]]) -> list[list[Reason]]:
        """The reasons of each list, with all that is known beside them."""
        popularity, trends = standing(self._recommender.knowledge.popularity, ranked.items)
        columns = zip(
            reasons,
            ranked.shares,
            ranked.parts,
            self._movers(ranked.moved),
            np.round(popularity, POPULARITY_DIGITS).tolist(),
            np.round(trends, TREND_DIGITS).tolist(),
            strict=True,
        )
        return [_explained(*column) for column in columns]

    def recent(self, shard: ProfileShard, users: Int32s, most: int) -> list[tuple[RecentEvent, ...]]:
        """Up to so many of the last events of each user, the last first; without items that were rejected since."""
        rows, weights, times_ms = last_events(shard.profiles, users, most)
        columns = zip(rows.tolist(), weights.tolist(), times_ms.tolist(), strict=True)
        id_of, kind_of = self._recommender.vocabulary.id_of, self._kinds.name
        return [
            tuple(
                RecentEvent(id_of(row), time_ms, kind_of(weight))
                for row, weight, time_ms in zip(*column, strict=True)
                if row >= 0
            )
            for column in columns
        ]

    def _movers(self, moved: Moved) -> list[list[tuple[Mover, ...]]]:
        """By list and place."""
        id_of, kind_of = self._recommender.vocabulary.id_of, self._kinds.name

        def movers(own: list[int], falls: list[float], strengths: list[float]) -> tuple[Mover, ...]:
            named = zip(own, falls, strengths, strict=True)
            return tuple([Mover(id_of(row), kind_of(strength), fall) for row, fall, strength in named if row >= 0])

        falls = np.round(moved.falls.astype(np.float64), DIGITS).tolist()
        columns = zip(moved.by.tolist(), falls, moved.strengths.tolist(), strict=True)
        return [list(map(movers, *column)) for column in columns]


def _explained(
    reasons: Sequence[Reason],
    shares: Float32s,
    parts: Float32s,
    movers: Sequence[tuple[Mover, ...]],
    popularity: Sequence[float],
    trends: Sequence[float],
) -> list[Reason]:
    """The reasons of one list of k places, with its shares, (k, experts), and parts, (k, parts), by name."""
    columns = zip(reasons, _rounded(shares), _rounded(parts), movers, popularity, trends, strict=True)
    return [
        Reason(
            reason.expert,
            reason.because,
            shares={name: share for name, share in zip(ALL_EXPERTS, own_shares, strict=False) if share > 0},
            parts=_parts(own_parts),
            moved_by=moved_by,
            popularity=share or None,
            trend=trend if share else None,
        )
        for reason, own_shares, own_parts, moved_by, share, trend in columns
    ]


def _parts(values: Sequence[float]) -> dict[str, float]:
    """By name; without that of rules where none holds."""
    return {name: value for name, value in zip(PARTS, values, strict=True) if value or name != PARTS[RULE_PART]}


def _rounded(values: Float32s) -> list[list[float]]:
    rounded: list[list[float]] = np.round(values.astype(np.float64), DIGITS).tolist()
    return rounded
