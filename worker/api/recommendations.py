"""Lists over HTTP: the popular one, why an item is in a list, and what of a list is shown."""

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import tagged
from worker.api.language import language_of, varied
from worker.api.problems import RETRY_SECONDS, Refused
from worker.api.route import Parameter, Values
from worker.api.service import Service
from worker.api.wire import MOST_ITEMS, Explanation, Popular
from worker.control import EVERYONE
from worker.events import RecommendationList
from worker.session_lists import Fits, Source, picked, short
from worker.shown_lists import shown_items, shown_recent

SIZE = Parameter("k", int, "Most items in the answer.", default=MOST_ITEMS, most=MOST_ITEMS)
EXCLUDE = Parameter("exclude", list, "An item that is not wanted; may be repeated.")
CATEGORY = Parameter("category", str, "Only items of this category of the catalogue.")
EXPLAIN = Parameter(
    "explain", bool, "Whether to tell what makes the scores and the user's last events, as published.", default=False
)


async def explain(service: Service, request: Request, values: Values) -> Response:
    """One line of the list that the user gets. Raises Refused when the item is not in it."""
    user_id, item_id = request.path_params["user_id"], request.path_params["item_id"]
    found, source = await list_of(service, user_id)
    title_of = service.catalogue.title
    allowed = picked(found, fits(service, (), None, user_id), len(found.items))
    items = shown_items(allowed, title_of, language_of(request, values))
    item = next((each for each in items if each.item_id == item_id), None)
    if item is None:
        raise Refused(404, f"{item_id[:60]!r} is not in the list of this user", "ask for one that is")
    recent = shown_recent(found, title_of)
    return varied(tagged(request, Explanation(user_id, source, found.model, found.generated_at, item, recent)))


async def popular(service: Service, request: Request, values: Values) -> Response:
    """What users without a list of their own get."""
    wanted = fits(service, values["exclude"], values["category"])
    found = short(picked(await popular_list(service), wanted, values["k"]))
    items = shown_items(found, service.catalogue.title, language_of(request, values))
    return varied(tagged(request, Popular(found.model, found.generated_at, items)))


async def list_of(service: Service, user_id: str) -> tuple[RecommendationList, Source]:
    """The user's list, or the popular one, and which it is."""
    own = await own_list(service, user_id)
    return (own, "personal") if own else (await popular_list(service), "popular")


async def own_list(service: Service, user_id: str) -> RecommendationList | None:
    """The user's list; none from before the user asked to be forgotten."""
    own = await service.lists.read(user_id)
    asked = service.control.forgets.get(user_id)
    return None if own and asked and own.generated_at <= asked.requested_at else own


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


def fits(service: Service, exclude: Collection[str], category: str | None, user_id: str = EVERYONE) -> Fits:
    """Whether an item is asked for, and may be shown to the user."""
    catalogue, blocks = service.catalogue, service.control.blocks

    def is_wanted(item_id: str) -> bool:
        own = catalogue.category(item_id)
        is_asked_for = (not category or category == own) and item_id not in exclude
        return is_asked_for and catalogue.may_show(item_id) and not blocks.has(item_id, own, user_id)

    return is_wanted
