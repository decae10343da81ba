"""Rank: the fourth step. Dirty users get lists: items, scores, and the reason for each."""

import numpy as np
from msgspec.structs import replace

from models.batch import Float32s, Float64s, Int32s, UInt64s
from models.explaining import PARTS
from models.exploration import Explored
from models.ranking import Ranked
from models.recommender import Recommender
from models.registry import ALL_EXPERTS, POPULAR_SLOW
from models.shard import ProfileShard
from models.vocabulary import stable_hash
from worker.events import EXPLORATION, RULE, Reason, RecommendationList
from worker.ruling import Ruling
from worker.steps.columns import RankedLists

SCORE_DIGITS = 6
EXPLANATION_DIGITS = 4
MARGIN_PLACES = 10


class Ranker:
    """Makes lists of a fixed size; with `explain`, reasons have shares and parts.

    Attributes:
        size: items in a list.
        ruling: what people decided; here it only names the rules behind the places in lists.
    """

    def __init__(self, recommender: Recommender, size: int, model: str, *, explain: bool = False) -> None:
        self._recommender = recommender
        self.size = size
        self.ruling = Ruling()
        self._model = model
        self._explain = explain
        self._reasons: dict[tuple[int, int], Reason] = {}

    def rank(self, shard: ProfileShard, users: Int32s, position: str, now_ms: int) -> RankedLists:
        """Ranks for the users in these rows; `position` is what the lists reflect."""
        ranked = self._recommender.recommend(shard, users, self.size, explain=self._explain)
        explored = self._recommender.explore(shard, users, ranked)
        lengths = (ranked.items >= 0).sum(axis=1).tolist()
        scores = np.round(ranked.scores.astype(np.float64), SCORE_DIGITS).tolist()
        reasons = self._reasons_of(ranked)
        item_ids = list(map(self._recommender.vocabulary.ids_of, ranked.items.tolist()))
        lists = {
            shard.users.id_of(user): RecommendationList(
                position, item_ids[row][:length], scores[row][:length], reasons[row][:length], self._model, now_ms
            )
            for row, (user, length) in enumerate(zip(users.tolist(), lengths, strict=True))
        }
        self._name_rules(ranked, list(lists.items()))
        hashes = _explore(explored, list(lists.values()))
        return RankedLists(users, ranked.items, hashes, _margins(ranked.scores), lists)

    def _name_rules(self, ranked: Ranked, lists: list[tuple[str, RecommendationList]]) -> None:
        """Says of the items that people pinned or lifted by which rule."""
        if not (self.ruling.rule_ids or self.ruling.own_rule_ids):
            return
        for user_id, content in lists:
            for place, item in enumerate(content.items):
                if rule_id := self.ruling.rule_id(user_id, item):
                    content.reasons[place] = replace(content.reasons[place], rule=rule_id)

    def popular(self, now_ms: int) -> tuple[Int32s, RecommendationList]:
        """The fallback list, and the rows of its items."""
        rows, shares = self._recommender.popular(self.size)
        return rows, self._popular_list(rows, shares, now_ms)

    def _popular_list(self, rows: Int32s, shares: Float64s, now_ms: int) -> RecommendationList:
        items = self._recommender.vocabulary.ids_of(rows.tolist())
        scores = np.round(shares, SCORE_DIGITS).tolist()
        expert = self._recommender.expert_names([POPULAR_SLOW])[0]
        reasons = [Reason(expert, rule=self.ruling.rule_ids.get(item, "")) for item in items]
        return RecommendationList("", items, scores, reasons, self._model, now_ms)

    def _reasons_of(self, ranked: Ranked) -> list[list[Reason]]:
        """Reasons repeat a lot within a round, so each is built once."""
        self._reasons.clear()
        reasons = [
            list(map(self._reason, experts, because))
            for experts, because in zip(ranked.experts.tolist(), ranked.because.tolist(), strict=True)
        ]
        return list(map(_explained, reasons, ranked.shares, ranked.parts)) if self._explain else reasons

    def _reason(self, expert: int, because: int) -> Reason:
        known = self._reasons.get((expert, because))
        if known is None:
            name = self._recommender.expert_names([expert])[0] if expert >= 0 else RULE
            known = Reason(name, self._recommender.vocabulary.id_of(because) if because >= 0 else "")
            self._reasons[expert, because] = known
        return known


def _explained(reasons: list[Reason], shares: Float32s, parts: Float32s) -> list[Reason]:
    """The reasons of one list with its shares, (k, experts), and parts, (k, parts), by name."""
    columns = zip(reasons, _rounded(shares), _rounded(parts), strict=True)
    return [
        replace(
            reason,
            shares={name: share for name, share in zip(ALL_EXPERTS, own_shares, strict=False) if share > 0},
            parts=dict(zip(PARTS, own_parts, strict=True)),
        )
        for reason, own_shares, own_parts in columns
    ]


def _rounded(values: Float32s) -> list[list[float]]:
    rounded: list[list[float]] = np.round(values.astype(np.float64), EXPLANATION_DIGITS).tolist()
    return rounded


def _explore(explored: dict[int, Explored], lists: list[RecommendationList]) -> UInt64s:
    """Puts the new items at the ends of their lists, with the chance of the draw; returns their hashes, 0 = none."""
    hashes = np.zeros(len(lists), np.uint64)
    for index, (item, propensity) in explored.items():
        content = lists[index]
        content.items.append(item)
        content.scores.append(0.0)
        content.reasons.append(Reason(EXPLORATION, propensity=propensity))
        hashes[index] = stable_hash(item)
    return hashes


def _margins(scores: Float32s) -> Float64s:
    """(m,) first score less the tenth of (m, k); less 0 where a list has no tenth."""
    tenth = scores[:, MARGIN_PLACES - 1] if scores.shape[1] >= MARGIN_PLACES else 0.0
    return (scores[:, 0] - tenth).astype(np.float64)
