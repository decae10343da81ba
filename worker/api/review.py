"""The review queue over HTTP: items that users reported or whose lists look odd, and what a person decides."""

import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, body_as, tagged
from worker.api.events import writer
from worker.api.problems import Refused
from worker.api.route import Values
from worker.api.service import Service
from worker.api.wire import Reviewed, ReviewItem, ReviewItems, VerdictBody
from worker.review import Verdict, faults_of, records_of, rule_of


async def waiting(service: Service, request: Request, _: Values) -> Response:
    """What nobody has looked at yet: items with most reports first."""
    title = service.catalogue.title
    found = [ReviewItem(**msgspec.structs.asdict(each), title=title(each.item_id)) for each in service.review.waiting()]
    return tagged(request, ReviewItems(found))


async def decide(service: Service, request: Request, _: Values) -> Response:
    """Blocks or buries an item, or dismisses what was said of it."""
    body = await body_as(VerdictBody, request, service.settings.api.max_request_bytes)
    verdict = Verdict(str(request.path_params["item_id"]), **msgspec.structs.asdict(body))
    now_ms, settings = round(time.time() * 1000), service.settings
    if fault := next(faults_of(verdict, settings.events.max_id_characters), None):
        raise Refused(422, fault, "see the OpenAPI document, /v1/openapi.json")
    rule, share = rule_of(verdict, now_ms), service.review.share_of_lists(verdict.item_id)
    for topic, key, value in records_of(verdict, rule, settings.kafka, now_ms, share):
        await writer(service).write(topic, [(key, value)])
    return answered(201, Reviewed(verdict.decision, rule))
