"""Lists for a session: what goes with its last items, and what is popular behind it.

Item-based nearest neighbours over the last items of the session, each a part less than the one after it: what
session-based recommenders are measured against (Ludewig and Jannach 2018), and hard to beat by them. score_j =
sum_r 0.9^r s(c_r, j), with c_r the r-th last item and s its published score for j.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec.structs import replace

from worker.events import Reason, RecommendationList, SimilarItems

LAST_ITEMS = 20
DECAY = 0.9
SIMILAR, CONTENT = "similar", "content"
SCORE_DIGITS = 6

Fits = Callable[[str], bool]
Source = Literal["personal", "session", "popular"]
Chosen = tuple[RecommendationList, Source]

OWN: Source = "personal"
OTHERS: Source = "popular"


def last_items(history: Sequence[str]) -> list[str]:
    """The items of a history (oldest first) that count, each once, newest first."""
    return list(dict.fromkeys(reversed(history)))[:LAST_ITEMS]


def list_for(
    history: Sequence[str], known: Mapping[str, SimilarItems], popular: RecommendationList, fits: Fits, size: int
) -> Chosen:
    """A list for a history, with popular items behind it; where nothing goes with that, the popular one."""
    had = frozenset(history)
    session = session_list(history, known, fits, size)
    behind = picked(popular, lambda item: fits(item) and item not in had, len(popular.items))
    if session:
        return _filled(session, behind, size), "session"
    return picked(behind if behind.items else popular, fits, size), "popular"


def picked(content: RecommendationList, fits: Fits, size: int) -> RecommendationList:
    """The first items of a list that fit."""
    places = [place for place, item in enumerate(content.items) if fits(item)][:size]
    if len(places) == len(content.items):
        return content
    items, scores, reasons = content.items, content.scores, content.reasons
    return replace(
        content,
        items=[items[place] for place in places],
        scores=[scores[place] for place in places],
        reasons=[reasons[place] for place in places],
    )


def short(content: RecommendationList) -> RecommendationList:
    """The list with its short reasons, and without the user's last events."""
    return replace(content, reasons=[_short(reason) for reason in content.reasons], recent=())


def _short(reason: Reason) -> Reason:
    if reason.shares is None:
        return reason
    return Reason(reason.expert, reason.because, reason.propensity, rule=reason.rule)


def session_list(
    history: Sequence[str], known: Mapping[str, SimilarItems], fits: Fits, size: int, decay: float = DECAY
) -> RecommendationList | None:
    """The best items that fit for a history (oldest first), less the history itself; None = nothing is known of it.

    `known` has what goes with its `last_items`. `because` of each item is the one of these that added most.
    """
    had, near = frozenset(history), 1.0
    scores: dict[str, float] = {}
    most: dict[str, tuple[float, str, int]] = {}  # the share, of which item of the history, at which place
    for item in last_items(history):
        for place, (other, score) in enumerate(_lines(known.get(item))):
            share = near * score
            scores[other] = scores.get(other, 0.0) + share
            if other not in most or share > most[other][0]:
                most[other] = share, item, place
        near *= decay
    best = [item for item in sorted(scores, key=scores.__getitem__, reverse=True) if item not in had and fits(item)]
    if not best:
        return None
    best = best[:size]
    rounded = [round(scores[item], SCORE_DIGITS) for item in best]
    newest = max(known.values(), key=lambda each: each.generated_at)
    reasons = [_reason(item, known[item], place) for _, item, place in map(most.__getitem__, best)]
    return RecommendationList("", best, rounded, reasons, newest.model, newest.generated_at)


def list_of_similar(item: str, similar: SimilarItems) -> RecommendationList:
    """What goes with an item, as a list with reasons."""
    reasons = [_reason(item, similar, place) for place in range(len(similar.items))]
    return RecommendationList("", similar.items, similar.scores, reasons, similar.model, similar.generated_at)


def _lines(similar: SimilarItems | None) -> Iterable[tuple[str, float]]:
    """What goes with an item, and its score."""
    return zip(similar.items, similar.scores, strict=True) if similar else ()


def _reason(item: str, similar: SimilarItems, place: int) -> Reason:
    """Why what stands at this place goes with the item."""
    return Reason(SIMILAR if place < similar.together else CONTENT, item)


def _filled(session: RecommendationList, behind: RecommendationList, size: int) -> RecommendationList:
    """The list, with others behind it up to its size, whose scores are no higher."""
    there, least = frozenset(session.items), session.scores[-1]
    more = picked(behind, lambda item: item not in there, size - len(session.items))
    scores = [min(score, least) for score in more.scores]
    return replace(
        session,
        items=[*session.items, *more.items],
        scores=[*session.scores, *scores],
        reasons=[*session.reasons, *more.reasons],
    )
