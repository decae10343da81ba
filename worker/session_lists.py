"""Lists for a session: what goes with its last items, and what is popular behind it.

Item-based nearest neighbours over the last items of the session, each a part less than the one after it: what
session-based recommenders are measured against (Ludewig and Jannach 2018), and hard to beat by them. score_j =
sum_r DECAY^r s(c_r, j), with c_r the r-th last item and s its published score for j.
"""

from collections.abc import Callable, Mapping, Sequence

from worker.events import Reason, RecommendationList, SimilarItems

LAST_ITEMS = 20
DECAY = 0.9
SIMILAR, CONTENT = "similar", "content"
SCORE_DIGITS = 6

Fits = Callable[[str], bool]


def last_items(history: Sequence[str]) -> list[str]:
    """The items of a history (oldest first) that count, each once, newest first."""
    return list(dict.fromkeys(reversed(history)))[:LAST_ITEMS]


def session_list(
    history: Sequence[str], known: Mapping[str, SimilarItems], fits: Fits, size: int, decay: float = DECAY
) -> RecommendationList | None:
    """The best items that fit for a history (oldest first), less the history itself; None = nothing is known of it.

    `known` has what goes with its `last_items`. `because` of each item is the one of these that added most.
    """
    had, scores, near = set(history), dict[str, float](), 1.0
    most: dict[str, tuple[float, Reason]] = {}
    for item in last_items(history):
        for other, share, reason in _shares(item, known.get(item), near):
            if other not in had:
                scores[other] = scores.get(other, 0.0) + share
                if other not in most or share > most[other][0]:
                    most[other] = share, reason
        near *= decay
    best = [item for item in sorted(scores, key=scores.__getitem__, reverse=True) if fits(item)][:size]
    if not best:
        return None
    newest = max(known.values(), key=lambda each: each.generated_at)
    rounded = [round(scores[item], SCORE_DIGITS) for item in best]
    return RecommendationList("", best, rounded, [most[item][1] for item in best], newest.model, newest.generated_at)


def _shares(item: str, similar: SimilarItems | None, near: float) -> list[tuple[str, float, Reason]]:
    """What an item of the history adds to others."""
    if similar is None:
        return []
    goes_with, is_like = Reason(SIMILAR, item), Reason(CONTENT, item)
    return [
        (other, near * score, goes_with if place < similar.together else is_like)
        for place, (other, score) in enumerate(zip(similar.items, similar.scores, strict=True))
    ]
