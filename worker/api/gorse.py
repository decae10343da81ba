"""The two routes of Gorse's REST API that shops call most, so that moving takes a new address only."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, body_as, tagged
from worker.api.events import written
from worker.api.problems import Refused
from worker.api.recommendations import fits, list_of
from worker.api.route import Parameter, Values
from worker.api.service import Service
from worker.api.wire import Feedback, RowsAffected
from worker.events import Interaction

SIZE = Parameter("n", int, "Most items in the answer.", default=10)
OFFSET = Parameter("offset", int, "Items to leave out at the top.", default=0, least=0)


async def recommend(service: Service, request: Request, values: Values) -> Response:
    """The ids of the user's items, or of the popular ones."""
    user_id = request.path_params["user_id"]
    found, _ = await list_of(service, user_id)
    wanted = fits(service, (), None, user_id)
    return tagged(request, list(filter(wanted, found.items))[values["offset"] :][: values["n"]])


async def feedback(service: Service, request: Request, _: Values) -> Response:
    """Writes events; those of the same user, item, kind and time count once."""
    given = await body_as(list[Feedback], request, service.settings.api.max_request_bytes)
    events = [_event(place, each) for place, each in enumerate(given)]
    await written(service, events, request)
    return answered(200, RowsAffected(len(events)))


def _event(place: int, feedback: Feedback) -> Interaction:
    when = _milliseconds(place, feedback.timestamp) if feedback.timestamp else None
    # The id makes what is sent again known again.
    same = None if when is None else f"gorse:{feedback.feedback_type}:{feedback.user_id}:{feedback.item_id}:{when}"
    return Interaction(feedback.user_id, feedback.item_id, feedback.feedback_type, ts=when, event_id=same)


def _milliseconds(place: int, text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Refused(
            422, f"Timestamp of feedback {place} is {text[:40]!r}", "write it like 2026-01-31T12:00:00Z"
        ) from None
