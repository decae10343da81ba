"""Published lists as people see them: titles, age, and why each item is there."""

from collections.abc import Callable

import msgspec

from worker.errors import MillraceError
from worker.events import EXPLORATION, RULE, Reason, RecommendationList
from worker.ports import ListSink

REASONS = {
    "popular_fast": "popular right now",
    "popular_mid": "popular lately",
    "popular_slow": "popular over the long run",
    "next": "often comes right after",
    "forward": "often comes after",
    "backward": "often comes before",
    "similar": "goes with",
    "basket": "taken together with",
    "vector": "fits what you had lately",
    "content": "described much like",
    "sequence": "follows from what you had lately",
    "repeat_recency": "had lately",
    "repeat_count": "had often",
    EXPLORATION: "new, and nobody knows yet who likes it",
    RULE: "put there by hand",
}

TitleOf = Callable[[str], str]


class ShownItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a list.

    Attributes:
        rank: from 1.
        expert: the model that weighed most.
        reason: why it is there, in words.
        because: the user's own item behind it, if any.
        shares: of the experts in the mixture's probability, in sum 1.
        parts: of the ranker's score, in sum the score as a logit. Both are empty unless the list was published with
            explanations.
    """

    rank: int
    item_id: str
    title: str
    score: float
    expert: str
    reason: str
    because: str = ""
    shares: dict[str, float] = {}
    parts: dict[str, float] = {}


class ShownList(msgspec.Struct, frozen=True):
    """A list.

    Attributes:
        personal: False = the user has no list, and this is what all such users get.
        generated_at: UTC milliseconds.
    """

    user_id: str
    personal: bool
    model: str
    generated_at: int
    age_seconds: float
    items: list[ShownItem]


def read_list(sink: ListSink, user_id: str, title_of: TitleOf, now_ms: int) -> ShownList:
    """The user's list, or the popular one. Raises ServiceUnavailable, or MillraceError when there is neither."""
    own = sink.read(user_id)
    found = own or sink.read_popular()
    if found is None:
        raise MillraceError(
            f"there is no list of {user_id}, and no popular list either",
            "run `millrace worker` on this Redis, and feed it events",
        )
    age_seconds = max(0.0, (now_ms - found.generated_at) / 1000)
    items = shown_items(found, title_of)
    return ShownList(user_id, own is not None, found.model, found.generated_at, age_seconds, items)


def shown_items(content: RecommendationList, title_of: TitleOf) -> list[ShownItem]:
    """The lines of a list."""
    rows = zip(content.items, content.scores, content.reasons, strict=True)
    return [
        ShownItem(
            rank,
            item,
            title_of(item),
            score,
            reason.expert,
            reason_in_words(reason, title_of),
            reason.because,
            reason.shares or {},
            reason.parts or {},
        )
        for rank, (item, score, reason) in enumerate(rows, start=1)
    ]


def reason_in_words(reason: Reason, title_of: TitleOf) -> str:
    """Why an item is in a list, such as "goes with Teapot"."""
    words = REASONS.get(reason.expert, reason.expert)
    return f"{words} {title_of(reason.because)}" if reason.because else words
