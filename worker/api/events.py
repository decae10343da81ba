"""Events over HTTP: checked as the worker checks them, written to Kafka, and acknowledged once they are there."""

import time
import uuid
from collections.abc import Sequence

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, body_of, decoded
from worker.api.problems import Refused
from worker.api.route import Values
from worker.api.service import Service
from worker.api.wire import Accepted, FaultyEvent
from worker.event_faults import LAST_TIME_MS, NO_TIME_MS, faults
from worker.events import Interaction
from worker.ports import RecordWriter
from worker.settings import EventSettings

OWN_FORMAT = "millrace"
MOST_FAULTS = 100


async def post_events(service: Service, request: Request, _: Values) -> Response:
    """One event, or an array of events: all are taken, or none."""
    body = decoded(await body_of(request, service.settings.api.max_request_bytes), Interaction | list[Interaction])
    events = named([body] if isinstance(body, Interaction) else body, request.headers.get("idempotency-key"))
    await write_events(service, events)
    return answered(202, Accepted(len(events), [event.event_id or "" for event in events]))


async def write_events(service: Service, events: Sequence[Interaction]) -> None:
    """Returns once Kafka has all of them. Raises Refused when one is faulty, ServiceUnavailable."""
    settings, records = service.settings, writer(service)
    if settings.events.format != OWN_FORMAT:
        raise Refused(501, f"workers here read events of the form {settings.events.format}", "write them to Kafka")
    if len(events) > settings.api.max_events:
        raise Refused(413, f"{len(events)} events are over {settings.api.max_events}", "send fewer at once")
    if faulty := found_faults(events, settings.events, round(time.time() * 1000)):
        raise Refused(
            422, f"{len(faulty)} of {len(events)} events are faulty: none was taken", events=faulty[:MOST_FAULTS]
        )
    encoded = [(event.user_id, msgspec.json.encode(event)) for event in events]
    await run_in_threadpool(records.write, settings.kafka.events_topic, encoded)


def writer(service: Service) -> RecordWriter:
    """Where records go. Raises Refused when no Kafka is set."""
    if service.records is None:
        raise Refused(501, "no Kafka is set here", "set MILLRACE_KAFKA__BOOTSTRAP_SERVERS for `millrace serve`")
    return service.records


def named(events: Sequence[Interaction], request_key: str | None) -> list[Interaction]:
    """The events, each with an id: its own, or one that follows from the request's key, or a new one."""
    return [
        event
        if event.event_id
        else msgspec.structs.replace(event, event_id=f"{request_key}:{place}" if request_key else uuid.uuid4().hex)
        for place, event in enumerate(events)
    ]


def found_faults(events: Sequence[Interaction], settings: EventSettings, now_ms: int) -> list[FaultyEvent]:
    """The first fault of each event that has any."""
    found = []
    for place, event in enumerate(events):
        given_ms = now_ms if event.ts is None else event.ts
        time_ms = given_ms if 0 <= given_ms <= LAST_TIME_MS else NO_TIME_MS
        fault = next(faults(event, time_ms, settings.kinds, settings.max_id_characters), None)
        if fault:
            found.append(FaultyEvent(place, *fault))
    return found
