"""All that a client may ask."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from worker.api.wire import (
    MOST_ITEMS,
    Accepted,
    Explanation,
    Popular,
    Recommendations,
    SessionRecommendations,
    SessionRequest,
    Similar,
)
from worker.client.question import ByHttp, FromRedis, Question
from worker.client.redis_answers import RedisAnswers
from worker.errors import ConfigurationError
from worker.events import Interaction
from worker.session_lists import Fits

SIZE = 20
OF_CATEGORY = "categories are known to the HTTP API alone"
OF_EVENTS = "events go by the HTTP API"


class Questions:
    """Makes questions; keys in Redis begin with `prefix`."""

    def __init__(self, prefix: str) -> None:
        self._redis = RedisAnswers(prefix)

    def recommendations(
        self,
        user_id: str,
        k: int = SIZE,
        *,
        exclude: Sequence[str] = (),
        recent: Sequence[str] = (),
        category: str = "",
        explain: bool = False,
    ) -> Question[Recommendations]:
        """The first `k` items of the user's list; else of one for the recent items, oldest first; else of the popular.

        `explain` tells shares and parts of the scores too, where they are published.
        """
        answers = self._redis.recommendations(user_id, recent, _all_but(exclude), k, explain=explain)
        parameters = [*_parameters(k, exclude, category), *(("recent", item) for item in recent)]
        parameters += [("explain", "true")] if explain else []
        path = f"/v1/users/{_quoted(user_id)}/recommendations"
        return _question(answers, ByHttp("GET", path, Recommendations, parameters), category)

    def session(
        self, history: Sequence[str], k: int = SIZE, *, exclude: Sequence[str] = (), category: str = ""
    ) -> Question[SessionRecommendations]:
        """`k` items for a history of items, oldest first, of which the last 20 count; no user is needed."""
        if not history:
            raise ConfigurationError("the history is empty", "name one item at least, or ask for the popular list")
        asked = SessionRequest(list(history[-MOST_ITEMS:]), _sized(k), list(exclude), category)
        http = ByHttp("POST", "/v1/sessions/recommendations", SessionRecommendations, body=msgspec.json.encode(asked))
        return _question(self._redis.session(history, _all_but(exclude), k), http, category)

    def popular(self, k: int = SIZE, *, exclude: Sequence[str] = (), category: str = "") -> Question[Popular]:
        """The `k` items that most users take."""
        http = ByHttp("GET", "/v1/popular", Popular, _parameters(k, exclude, category))
        return _question(self._redis.popular(_all_but(exclude), k), http, category)

    def similar(
        self, item_id: str, k: int = SIZE, *, exclude: Sequence[str] = (), category: str = ""
    ) -> Question[Similar | None]:
        """What goes with an item, and how the item fares; None = nothing is known of it."""
        parameters = _parameters(k, exclude, category)
        http = ByHttp("GET", f"/v1/items/{_quoted(item_id)}/similar", Similar, parameters, may_miss=True)
        return _question(self._redis.similar(item_id, _all_but(exclude), k), http, category)

    def explain(self, user_id: str, item_id: str) -> Question[Explanation | None]:
        """Why an item stands in the list that the user gets; None = it does not."""
        path = f"/v1/users/{_quoted(user_id)}/explain/{_quoted(item_id)}"
        http = ByHttp("GET", path, Explanation, may_miss=True)
        return Question(self._redis.explain(user_id, item_id), http)

    def send(self, *events: Interaction) -> Question[Accepted]:
        """Writes events; returns once Kafka has all of them. Give them ids, and they may be sent again safely."""
        http = ByHttp("POST", "/v1/events", Accepted, body=msgspec.json.encode(events))
        return Question(None, http, OF_EVENTS)


def _question(answers: FromRedis[Any], http: ByHttp, category: str) -> Question[Any]:
    return Question(None, http, OF_CATEGORY) if category else Question(answers, http)


def _sized(k: int) -> int:
    if not 1 <= k <= MOST_ITEMS:
        raise ConfigurationError(f"k is {k}", f"ask for 1 to {MOST_ITEMS} items")
    return k


def _all_but(exclude: Sequence[str]) -> Fits:
    unwanted = frozenset(exclude)
    return lambda item_id: item_id not in unwanted


def _parameters(k: int, exclude: Sequence[str], category: str) -> list[tuple[str, str]]:
    return [
        ("k", str(_sized(k))),
        *(("exclude", item) for item in exclude),
        *([("category", category)] if category else []),
    ]


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")
