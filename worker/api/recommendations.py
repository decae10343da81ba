"""Lists over HTTP: a user's, and the popular one."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import tagged
from worker.api.problems import RETRY_SECONDS, Refused
from worker.api.route import Parameter, Values
from worker.api.service import Service
from worker.api.wire import Explanation, Popular, Recommendations, Source
from worker.events import Reason, RecommendationList
from worker.shown_lists import ShownItem, shown_items

MOST_ITEMS = 100

SIZE = Parameter("k", int, "Most items in the answer.", default=MOST_ITEMS, most=MOST_ITEMS)
EXCLUDE = Parameter("exclude", list, "An item that is not wanted; may be repeated.")
CATEGORY = Parameter("category", str, "Only items of this category of the catalogue.")
EXPLAIN = Parameter(
    "explain", bool, "Whether to tell shares and parts of the scores, where they are published.", default=False
)


async def recommendations(service: Service, request: Request, values: Values) -> Response:
    """The user's list, or the popular one."""
    return tagged(request, await recommended(service, request, values))


async def recommended(service: Service, request: Request, values: Values) -> Recommendations:
    """The user's list; the popular one where the user has none, or none of its items is left. Raises Refused."""
    user_id = request.path_params["user_id"]
    found, source = await list_of(service, user_id)
    items = _wanted(service, found, values)
    if not items and source == "personal":
        found, source = await popular_list(service), "popular"
        items = _wanted(service, found, values)
    return Recommendations(user_id, source, found.model, found.generated_at, items)


async def explain(service: Service, request: Request, _: Values) -> Response:
    """One line of the list that the user gets. Raises Refused when the item is not in it."""
    user_id, item_id = request.path_params["user_id"], request.path_params["item_id"]
    found, source = await list_of(service, user_id)
    item = next((each for each in shown_items(found, service.catalogue.title) if each.item_id == item_id), None)
    if item is None:
        raise Refused(404, f"{item_id[:60]!r} is not in the list of this user", "ask for one that is")
    return tagged(request, Explanation(user_id, source, found.model, found.generated_at, item))


async def popular(service: Service, request: Request, values: Values) -> Response:
    """What users without a list of their own get."""
    found = await popular_list(service)
    return tagged(request, Popular(found.model, found.generated_at, _wanted(service, found, values)))


async def list_of(service: Service, user_id: str) -> tuple[RecommendationList, Source]:
    """The user's list, or the popular one, and which it is."""
    own = await service.lists.read(user_id)
    return (own, "personal") if own else (await popular_list(service), "popular")


async def popular_list(service: Service) -> RecommendationList:
    """The fallback list. Raises Refused when there is none yet."""
    found = await service.lists.read_popular()
    if found is None:
        raise Refused(
            503,
            "there is no list yet",
            "run `millrace worker` on this Redis, and feed it events",
            retry_after_seconds=RETRY_SECONDS,
        )
    return found


def _wanted(service: Service, content: RecommendationList, values: Values) -> list[ShownItem]:
    """The first k of the list's items that are asked for."""
    chosen = [place for place, item in enumerate(content.items) if _fits(service, item, values)][: values["k"]]
    if len(chosen) < len(content.items):
        content = _picked(content, chosen)
    if not values.get("explain"):
        content = msgspec.structs.replace(content, reasons=[_short(reason) for reason in content.reasons])
    return shown_items(content, service.catalogue.title)


def _fits(service: Service, item_id: str, values: Values) -> bool:
    category, excluded = values["category"], values["exclude"]
    return item_id not in excluded and (not category or category == service.catalogue.category(item_id))


def _picked(content: RecommendationList, places: list[int]) -> RecommendationList:
    return msgspec.structs.replace(
        content,
        items=[content.items[place] for place in places],
        scores=[content.scores[place] for place in places],
        reasons=[content.reasons[place] for place in places],
    )


def _short(reason: Reason) -> Reason:
    return reason if reason.shares is None else msgspec.structs.replace(reason, shares=None, parts=None)
