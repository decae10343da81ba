"""Rank: the fourth step. Dirty users get lists: items, scores, and the reason for each."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from msgspec.structs import replace

from models.batch import Float32s, Float64s, Int32s, UInt64s
from models.exploration import Explored
from models.ranking import Ranked
from models.recommender import Recommender
from models.registry import POPULAR_SLOW
from models.shard import ProfileShard
from models.vocabulary import stable_hash
from worker.events import EXPLORATION, PINNED, Reason, RecommendationList
from worker.ruling import Ruling
from worker.steps.columns import RankedLists
from worker.steps.explanations import Explainer
from worker.steps.kinds import KindNames

SCORE_DIGITS = 6
MARGIN_PLACES = 10


class Ranker:
    """Makes lists of a fixed size; with `explain`, with all that is known of the reasons.

    With `recent`, they come with so many of the user's last events, named by the weights of `kinds`.

    Attributes:
        size: items in a list.
        ruling: what people decided; here it only names the rules behind the places in lists.
    """

    def __init__(
        self,
        recommender: Recommender,
        size: int,
        model: str,
        *,
        explain: bool = False,
        recent: int = 0,
        kinds: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._recommender = recommender
        self.size = size
        self.ruling = Ruling()
        self._model = model
        self._explain = explain
        self._recent = recent
        self._explainer = Explainer(recommender, KindNames(kinds))
        self._reasons: dict[tuple[int, int], Reason] = {}

    def rank(self, shard: ProfileShard, users: Int32s, position: str, now_ms: int) -> RankedLists:
        """Ranks for the users in these rows; `position` is what the lists reflect."""
        ranked = self._recommender.recommend(shard, users, self.size, explain=self._explain)
        explored = self._recommender.explore(shard, users, ranked)
        lengths = (ranked.items >= 0).sum(axis=1).tolist()
        scores = np.round(ranked.scores.astype(np.float64), SCORE_DIGITS).tolist()
        reasons = self._reasons_of(ranked)
        recent = self._explainer.recent(shard, users, self._recent) if self._recent else []
        item_ids = list(map(self._recommender.vocabulary.ids_of, ranked.items.tolist()))
        lists = {
            shard.users.id_of(user): RecommendationList(
                position,
                item_ids[row][:length],
                scores[row][:length],
                reasons[row][:length],
                self._model,
                now_ms,
                recent[row] if recent else (),
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
        return self._explainer.explained(ranked, reasons) if self._explain else reasons

    def _reason(self, expert: int, because: int) -> Reason:
        known = self._reasons.get((expert, because))
        if known is None:
            name = self._recommender.expert_names([expert])[0] if expert >= 0 else PINNED
            known = Reason(name, self._recommender.vocabulary.id_of(because) if because >= 0 else "")
            self._reasons[expert, because] = known
        return known


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
