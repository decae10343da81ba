"""What people decide, over HTTP: rules for lists, and users to be forgotten. The audit topic tells who did."""

import time
import uuid

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, body_as, tagged
from worker.api.events import writer
from worker.api.problems import Refused
from worker.api.route import Parameter, Values
from worker.api.service import Service
from worker.api.wire import Forgetting, RuleBody, Rules
from worker.audit import Decided, audit_record
from worker.control import Progress
from worker.control_records import MOST_RULES, Forget, Rule, control_key, rule_faults, rule_key
from worker.event_faults import id_faults

AUTHOR = Parameter("author", str, "Who asks for it; noted in the audit topic.")


async def rules(service: Service, request: Request, _: Values) -> Response:
    """The rules that hold now, the oldest first."""
    now_ms = _now_ms()
    return tagged(request, Rules([rule for rule in service.control.rules if rule.holds(now_ms)]))


async def post_rule(service: Service, request: Request, _: Values) -> Response:
    """Makes a rule, or, under the id of one, replaces it."""
    body = await body_as(RuleBody, request, service.settings.api.max_request_bytes)
    fields = msgspec.structs.asdict(body)
    rule = Rule(**fields | {"id": body.id or uuid.uuid4().hex, "created_at": _now_ms()})
    if fault := next(rule_faults(rule, service.settings.events.max_id_characters), None):
        raise Refused(422, fault, "see the OpenAPI document, /v1/openapi.json")
    if len(service.control.rules) >= MOST_RULES:
        raise Refused(422, f"there are {MOST_RULES} rules", "take some back")
    if not rule.holds(rule.created_at):
        raise Refused(422, "expires_at has passed", "give it in milliseconds, or leave it out")
    await _decide(service, Decided("rule", rule.author, rule.created_at, rule), control_key(rule), rule)
    return answered(201, rule)


async def delete_rule(service: Service, request: Request, values: Values) -> Response:
    """Takes a rule back; it is no fault if there is none."""
    rule_id = str(request.path_params["rule_id"])
    _check(service, "rule_id", rule_id)
    decided = Decided("rule taken back", values["author"] or "", _now_ms(), rule_id)
    await _decide(service, decided, rule_key(rule_id), None)
    return Response(status_code=204)


async def delete_user(service: Service, request: Request, values: Values) -> Response:
    """Has the workers forget a user: state and lists within a second, snapshots with the next one."""
    user_id = str(request.path_params["user_id"])
    _check(service, "user_id", user_id)
    request_to_forget = Forget(user_id, _now_ms(), values["author"] or "")
    decided = Decided("user forgotten", request_to_forget.author, request_to_forget.requested_at)
    await _decide(service, decided, control_key(request_to_forget), request_to_forget)
    return answered(202, Forgetting(request_to_forget.requested_at))


async def forgetting(service: Service, request: Request, _: Values) -> Response:
    """Whether a user was forgotten, and since when no snapshot holds anything. Raises Refused where nobody asked."""
    user_id = str(request.path_params["user_id"])
    asked = service.control.forgets.get(user_id)
    if asked is None:
        raise Refused(404, "nobody asked for this user to be forgotten", "DELETE the user first")
    progress = service.control.progress(user_id) or Progress(asked.requested_at)
    return tagged(
        request,
        Forgetting(
            asked.requested_at,
            is_done=progress.is_done,
            partitions_done=len(progress.partitions),
            partitions=progress.of_partitions,
            snapshots_clean_at=progress.snapshots_clean_at if progress.is_done else None,
        ),
    )


async def _decide(service: Service, decided: Decided, key: str, record: Rule | Forget | None) -> None:
    """Writes a decision where workers read it, after it was noted who made it."""
    topics = service.settings.kafka
    await writer(service).write(topics.audit_topic, [audit_record(decided)])
    value = None if record is None else msgspec.json.encode(record)
    await writer(service).write(topics.control_topic, [(key, value)])


def _check(service: Service, name: str, identifier: str) -> None:
    if fault := next(id_faults(name, identifier, service.settings.events.max_id_characters), None):
        raise Refused(422, fault, "give another one")


def _now_ms() -> int:
    return round(time.time() * 1000)
