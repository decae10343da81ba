"""A user's list over HTTP, and lists for those of whom nothing is known but a few items."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, body_as, tagged
from worker.api.language import language_of, varied
from worker.api.problems import Refused
from worker.api.recommendations import fits, own_list, popular_list
from worker.api.route import Parameter, Values
from worker.api.service import Service
from worker.api.wire import Recommendations, SessionRecommendations, SessionRequest, Similar
from worker.session_lists import OWN, Chosen, Fits, last_items, list_for, list_of_similar, picked, short
from worker.shown_lists import shown_items, shown_recent

RECENT = Parameter(
    "recent",
    list,
    "An item of the session, oldest first; repeated. Counts where the user has no list.",
)


async def recommendations(service: Service, request: Request, values: Values) -> Response:
    """The user's list, else one for the recent items, else the popular one."""
    return varied(tagged(request, await recommended(service, request, values)))


async def recommended(service: Service, request: Request, values: Values) -> Recommendations:
    """The user's list; where there is none, or nothing of it is left, one for the recent items, or the popular one.

    Raises Refused.
    """
    user_id, recent, size = request.path_params["user_id"], values["recent"], values["k"]
    wanted = fits(service, values["exclude"], values["category"], user_id)
    own = await own_list(service, user_id)
    if own and (left := picked(own, wanted, size)).items:
        found, source = left, OWN
    else:
        found, source = await _list_for(service, recent, wanted, size)
    title_of = service.catalogue.title
    content = found if values["explain"] else short(found)
    items = shown_items(content, title_of, language_of(request, values))
    return Recommendations(user_id, source, found.model, found.generated_at, items, shown_recent(content, title_of))


async def session_recommendations(service: Service, request: Request, values: Values) -> Response:
    """What goes with the items of a history; the popular list where nothing does."""
    asked = await body_as(SessionRequest, request, service.settings.api.max_request_bytes)
    wanted = fits(service, asked.exclude, asked.category)
    found, source = await _list_for(service, asked.history, wanted, asked.k)
    items = shown_items(found, service.catalogue.title, language_of(request, values))
    return varied(answered(200, SessionRecommendations(source, found.model, found.generated_at, items)))


async def similar(service: Service, request: Request, values: Values) -> Response:
    """What goes with an item. Raises Refused when nothing is known of it."""
    item_id = request.path_params["item_id"]
    (found,) = await service.lists.read_similar([item_id])
    if found is None:
        raise Refused(404, f"nothing is known of {item_id[:60]!r}", "ask for an item that had events")
    wanted = fits(service, values["exclude"], values["category"])
    content = picked(list_of_similar(item_id, found), wanted, values["k"])
    title_of = service.catalogue.title
    items = shown_items(content, title_of, language_of(request, values))
    return varied(tagged(request, Similar.of(item_id, found, items, title_of(item_id))))


async def _list_for(service: Service, history: Sequence[str], wanted: Fits, size: int) -> Chosen:
    """The list for a history, or the popular one. Raises Refused when there is none yet."""
    items = last_items(history)
    found = await service.lists.read_similar(items) if items else []
    known = {item: each for item, each in zip(items, found, strict=True) if each}
    return list_for(history, known, await popular_list(service), wanted, size)
