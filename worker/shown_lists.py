"""Published lists as people see them: titles, age, and why each item is there."""

import msgspec
from msgspec.structs import replace

from worker.errors import MillraceError
from worker.events import Reason, RecommendationList
from worker.ports import ListSink
from worker.texts.languages import Language
from worker.texts.sentences import Sentences, TitleOf, is_plain


class ShownMover(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the user's own items, without which an item of the list would be less likely.

    Attributes:
        share: by what part of itself the mixture's probability of the listed item would fall without it.
        event: the kind of the user's strongest event with it; empty where its weight does not tell.
    """

    item_id: str
    title: str
    share: float
    event: str = ""


class ShownEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of the user's last events.

    Attributes:
        ts: UTC milliseconds; that of the last event is exact, from event to event it gets less so, by up to 0.4 %.
        event: its kind; empty where its weight does not tell.
    """

    item_id: str
    title: str
    ts: int
    event: str = ""


class ShownItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a list.

    Attributes:
        rank: from 1.
        expert: the model that weighed most.
        reason: why it is there, in words.
        because: the user's own item behind it, if any.
        shares: of the experts in the mixture's probability, in sum 1.
        parts: of the ranker's score, in sum the score as a logit.
        moved_by: the user's own items that moved it most, the strongest first.
        popularity: its share of all events over the long run.
        trend: its share lately, over that; above 1 = it rises.
        sentence: all of this in words. From `shares` on, all are empty unless the list was published with explanations.
        rule: id of the rule that put it there or moved it.
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
    moved_by: tuple[ShownMover, ...] = ()
    popularity: float | None = None
    trend: float | None = None
    sentence: str = ""
    rule: str = ""


class ShownList(msgspec.Struct, frozen=True, omit_defaults=True):
    """A list.

    Attributes:
        personal: False = the user has no list, and this is what all such users get.
        generated_at: UTC milliseconds.
        recent: the user's last events, the last one first, where they are published.
    """

    user_id: str
    personal: bool
    model: str
    generated_at: int
    age_seconds: float
    items: list[ShownItem]
    recent: tuple[ShownEvent, ...] = ()


def read_list(
    sink: ListSink, user_id: str, title_of: TitleOf, now_ms: int, language: Language = Language.ENGLISH
) -> ShownList:
    """The user's list, or the popular one. Raises ServiceUnavailable, or MillraceError when there is neither."""
    own = sink.read(user_id)
    found = own or sink.read_popular()
    if found is None:
        raise MillraceError(
            f"there is no list of {user_id}, and no popular list either",
            "run `millrace worker` on this Redis, and feed it events",
        )
    age_seconds = max(0.0, (now_ms - found.generated_at) / 1000)
    items, recent = shown_items(found, title_of, language), shown_recent(found, title_of)
    return ShownList(user_id, own is not None, found.model, found.generated_at, age_seconds, items, recent)


def shown_items(
    content: RecommendationList, title_of: TitleOf, language: Language = Language.ENGLISH
) -> list[ShownItem]:
    """The lines of a list."""
    sentences = Sentences(language, title_of)
    rows = zip(content.items, content.scores, content.reasons, strict=True)
    return [_shown(rank, *row, title_of, sentences) for rank, row in enumerate(rows, start=1)]


def _shown(rank: int, item: str, score: float, reason: Reason, title_of: TitleOf, sentences: Sentences) -> ShownItem:
    shown = ShownItem(
        rank,
        item,
        title_of(item),
        score,
        reason.expert,
        sentences.reason(reason),
        reason.because,
        reason.shares or {},
        reason.parts or {},
    )
    if is_plain(reason):  # nothing more is made then: requests wait for this
        return shown
    return replace(
        shown,
        moved_by=tuple(
            ShownMover(mover.item, title_of(mover.item), mover.share, mover.event) for mover in reason.moved_by
        ),
        popularity=reason.popularity,
        trend=reason.trend,
        sentence=sentences.sentence(item, reason),
        rule=reason.rule,
    )


def only(shown: ShownList, item: ShownItem) -> ShownList:
    """The list with this line alone."""
    return replace(shown, items=[item])


def shown_recent(content: RecommendationList, title_of: TitleOf) -> tuple[ShownEvent, ...]:
    """The user's last events."""
    return tuple(ShownEvent(each.item, title_of(each.item), each.ts, each.event) for each in content.recent)
