"""What the console asks for beside the rest of the API."""

from worker.api.console import live
from worker.api.keys import Scope
from worker.api.language import LANGUAGE
from worker.api.recommendations import CATEGORY, EXCLUDE, EXPLAIN, SIZE
from worker.api.route import Route
from worker.api.sessions import RECENT
from worker.api.watch.overview import Overview

ROUTES = (
    Route("GET", "/v1/about", Scope.READ, "What this server is and can", live.about, answer=live.About),
    Route(
        "GET",
        "/v1/overview",
        Scope.READ,
        "The workers' figures every second, as server-sent events",
        live.overview,
        (live.ONCE,),
        answer=Overview,
        faults=(501, 503),
        streams=True,
    ),
    Route(
        "GET",
        "/v1/users/{user_id}/follow",
        Scope.READ,
        "The user's list whenever it changed, as server-sent events",
        live.follow,
        (SIZE, EXCLUDE, CATEGORY, EXPLAIN, RECENT, LANGUAGE, live.ONCE),
        answer=live.FollowedList,
        faults=(503,),
        streams=True,
    ),
)
