"""What stands in Redis, as the HTTP API would answer; titles are ids here, as the catalogue is not in Redis."""

from collections.abc import Sequence

from worker.adapters.redis_client import decoded_list, decoded_similar
from worker.api.wire import Explanation, Popular, Recommendations, SessionRecommendations, Similar
from worker.client.question import Content, FromRedis
from worker.errors import ServiceUnavailable
from worker.events import RecommendationList, SimilarItems, list_key, popular_key, similar_key
from worker.session_lists import OTHERS, OWN, Chosen, Fits, last_items, list_for, list_of_similar, picked, short
from worker.shown_lists import ShownItem, shown_items, shown_recent


class RedisAnswers:
    """Answers from the keys with this prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._popular_key = popular_key(prefix)

    def recommendations(
        self, user_id: str, recent: Sequence[str], fits: Fits, k: int, *, explain: bool
    ) -> FromRedis[Recommendations]:
        """The user's list, else one for the recent items, else the popular one."""
        own_key, similar = list_key(user_id, self._prefix), self._similar_keys(recent)

        def answer(contents: Sequence[Content]) -> Recommendations:
            own = decoded_list(own_key, contents[0])
            left = picked(own, fits, k) if own else None
            found, source = (
                (left, OWN) if left and left.items else self._list_for(recent, similar, contents[1:], fits, k)
            )
            content = found if explain else short(found)
            recent_events = shown_recent(content, str)
            return Recommendations(user_id, source, found.model, found.generated_at, _shown(content), recent_events)

        return FromRedis([own_key, self._popular_key, *similar], answer)

    def session(self, history: Sequence[str], fits: Fits, k: int) -> FromRedis[SessionRecommendations]:
        """A list for a history, else the popular one."""
        similar = self._similar_keys(history)

        def answer(contents: Sequence[Content]) -> SessionRecommendations:
            found, source = self._list_for(history, similar, contents, fits, k)
            return SessionRecommendations(source, found.model, found.generated_at, _shown(short(found)))

        return FromRedis([self._popular_key, *similar], answer)

    def popular(self, fits: Fits, k: int) -> FromRedis[Popular]:
        """What everybody takes."""

        def answer(contents: Sequence[Content]) -> Popular:
            found = picked(self._popular(contents[0]), fits, k)
            return Popular(found.model, found.generated_at, _shown(short(found)))

        return FromRedis([self._popular_key], answer)

    def similar(self, item_id: str, fits: Fits, k: int) -> FromRedis[Similar | None]:
        """What goes with an item; None = nothing is known of it."""
        key = similar_key(item_id, self._prefix)

        def answer(contents: Sequence[Content]) -> Similar | None:
            found = decoded_similar(key, contents[0])
            items = _shown(picked(list_of_similar(item_id, found), fits, k)) if found else []
            return Similar.of(item_id, found, items, item_id) if found else None

        return FromRedis([key], answer)

    def explain(self, user_id: str, item_id: str) -> FromRedis[Explanation | None]:
        """One line of the list that the user gets; None = the item is not in it."""
        own_key = list_key(user_id, self._prefix)

        def answer(contents: Sequence[Content]) -> Explanation | None:
            own = decoded_list(own_key, contents[0])
            found = own or self._popular(contents[1])
            line = next((each for each in _shown(found) if each.item_id == item_id), None)
            source = OWN if own else OTHERS
            recent = shown_recent(found, str)
            return Explanation(user_id, source, found.model, found.generated_at, line, recent) if line else None

        return FromRedis([own_key, self._popular_key], answer)

    def _similar_keys(self, history: Sequence[str]) -> dict[str, str]:
        """The last items of a history, by the key of what goes with them."""
        return {similar_key(item, self._prefix): item for item in last_items(history)}

    def _list_for(
        self, history: Sequence[str], similar: dict[str, str], contents: Sequence[Content], fits: Fits, k: int
    ) -> Chosen:
        """`contents`: the popular list, then what goes with the last items."""
        known: dict[str, SimilarItems] = {}
        for (key, item), content in zip(similar.items(), contents[1:], strict=True):
            if found := decoded_similar(key, content):
                known[item] = found
        return list_for(history, known, self._popular(contents[0]), fits, k)

    def _popular(self, content: Content) -> RecommendationList:
        found = decoded_list(self._popular_key, content)
        if found is None:
            raise ServiceUnavailable("there is no list yet", "run `millrace worker` on this Redis, and feed it events")
        return found


def _shown(content: RecommendationList) -> list[ShownItem]:
    return shown_items(content, str)
