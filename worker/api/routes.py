"""All routes of the API: START READING HERE."""

from worker.api import events, gorse, items, recommendations
from worker.api.console.routes import ROUTES as CONSOLE_ROUTES
from worker.api.keys import Scope
from worker.api.recommendations import CATEGORY, EXCLUDE, EXPLAIN
from worker.api.route import Route
from worker.api.wire import Accepted, Explanation, Feedback, Popular, Recommendations, RowsAffected
from worker.events import Interaction

WRITE_FAULTS = (413, 422, 501, 503)

ROUTES = (
    Route(
        "GET",
        "/v1/users/{user_id}/recommendations",
        Scope.READ,
        "The user's list; the popular one where the user has none",
        recommendations.recommendations,
        (recommendations.SIZE, EXCLUDE, CATEGORY, EXPLAIN),
        answer=Recommendations,
        faults=(503,),
    ),
    Route(
        "GET",
        "/v1/users/{user_id}/explain/{item_id}",
        Scope.READ,
        "Why an item stands in the user's list",
        recommendations.explain,
        answer=Explanation,
        faults=(404, 503),
    ),
    Route(
        "GET",
        "/v1/popular",
        Scope.READ,
        "What users without a list of their own get",
        recommendations.popular,
        (recommendations.SIZE, EXCLUDE, CATEGORY),
        answer=Popular,
        faults=(503,),
    ),
    Route(
        "POST",
        "/v1/events",
        Scope.WRITE,
        "One event or several; acknowledged once Kafka has them, all or none",
        events.post_events,
        body=Interaction | list[Interaction],
        status=202,
        answer=Accepted,
        faults=WRITE_FAULTS,
    ),
    Route(
        "PUT",
        "/v1/items/{item_id}",
        Scope.WRITE,
        "What the catalogue says of an item",
        items.put_item,
        body=items.ItemBody,
        status=204,
        faults=WRITE_FAULTS,
    ),
    Route(
        "DELETE",
        "/v1/items/{item_id}",
        Scope.WRITE,
        "Takes an item out of the catalogue, and so out of lists",
        items.delete_item,
        status=204,
        faults=(422, 501, 503),
    ),
    Route(
        "GET",
        "/api/recommend/{user_id}",
        Scope.READ,
        "As in Gorse: ids of the user's items",
        gorse.recommend,
        (gorse.SIZE, gorse.OFFSET),
        answer=list[str],
        faults=(503,),
    ),
    Route(
        "POST",
        "/api/feedback",
        Scope.WRITE,
        "As in Gorse: several events",
        gorse.feedback,
        body=list[Feedback],
        answer=RowsAffected,
        faults=WRITE_FAULTS,
    ),
    *CONSOLE_ROUTES,
)
