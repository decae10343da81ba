"""Events over HTTP: checked as the worker checks them, written to Kafka, and acknowledged once they are there."""

import time
import uuid
from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import answered, body_as
from worker.api.problems import Refused
from worker.api.route import Values
from worker.api.service import Service
from worker.api.wire import Accepted, FaultyEvent
from worker.event_faults import LAST_TIME_MS, NO_TIME_MS, faults, most_apart_ms
from worker.events import Interaction, Reject
from worker.ports import RecordWriter
from worker.settings import CleanSettings, EventSettings, Settings

OWN_FORMAT = "millrace"
MOST_FAULTS = 100
MOST_KEY_CHARACTERS = 128
MOST_RECORD_BYTES = 1_000_000  # below what brokers and the client take by default


async def post_events(service: Service, request: Request, _: Values) -> Response:
    """One event, or an array of events: all are taken, or none."""
    body = await body_as(Interaction | list[Interaction], request, service.settings.api.max_request_bytes)
    events = await written(service, [body] if isinstance(body, Interaction) else body, request)
    return answered(202, Accepted(len(events), [event.event_id or "" for event in events]))


async def written(service: Service, given: Sequence[Interaction], request: Request) -> list[Interaction]:
    """The events with their ids, once Kafka has all of them. Raises Refused when one is faulty, ServiceUnavailable."""
    settings, records = service.settings, writer(service)
    if settings.events.format != OWN_FORMAT:
        raise Refused(501, f"workers here read events of the form {settings.events.format}", "write them to Kafka")
    if len(given) > settings.api.max_events:
        raise Refused(413, f"{len(given)} events are over {settings.api.max_events}", "send fewer at once")
    events = named(given, request.headers.get("idempotency-key"))
    if faulty := found_faults(events, settings, round(time.time() * 1000)):
        raise Refused(
            422, f"{len(faulty)} of {len(events)} events are faulty: none was taken", events=faulty[:MOST_FAULTS]
        )
    encoded = [(event.user_id, msgspec.json.encode(event)) for event in events]
    for place, (_, value) in enumerate(encoded):
        check_size(f"event {place}", value, settings.events)
    await records.write(settings.kafka.events_topic, encoded)
    return events


def check_size(what: str, value: bytes, settings: EventSettings) -> None:
    """Raises Refused for a record that workers, or Kafka, would refuse."""
    most_bytes = min(settings.max_record_bytes, MOST_RECORD_BYTES)
    if len(value) > most_bytes:
        raise Refused(413, f"{what} is a record of {len(value)} bytes", f"no record may have over {most_bytes}")


def writer(service: Service) -> RecordWriter:
    """Where records go. Raises Refused when no Kafka is set."""
    if service.records is None:
        raise Refused(501, "no Kafka is set here", "set MILLRACE_KAFKA__BOOTSTRAP_SERVERS for `millrace serve`")
    return service.records


def named(events: Sequence[Interaction], request_key: str | None) -> list[Interaction]:
    """The events, each with an id: its own, one that follows from the request's key, or a new one. Raises Refused."""
    if request_key and len(request_key) > MOST_KEY_CHARACTERS:
        raise Refused(400, f"Idempotency-Key has over {MOST_KEY_CHARACTERS} characters", "send a shorter one")
    return [
        event
        if event.event_id
        else msgspec.structs.replace(event, event_id=f"{request_key}:{place}" if request_key else uuid.uuid4().hex)
        for place, event in enumerate(events)
    ]


def found_faults(events: Sequence[Interaction], settings: Settings, now_ms: int) -> list[FaultyEvent]:
    """The first fault of each event that has any."""
    found = []
    for place, event in enumerate(events):
        given_ms = now_ms if event.ts is None else event.ts
        time_ms = given_ms if 0 <= given_ms <= LAST_TIME_MS else NO_TIME_MS
        fault = next(faults(event, time_ms, settings.events.kinds, settings.events.max_id_characters), None)
        if fault or (fault := _impossible_time(time_ms, now_ms, settings.clean)):
            found.append(FaultyEvent(place, *fault))
    return found


def _impossible_time(time_ms: int, now_ms: int, settings: CleanSettings) -> tuple[Reject, str] | None:
    """As the worker's cleaner has it, which counts from the record's time, and that is now."""
    ahead_ms = time_ms - now_ms
    most_ahead_ms, most_behind_ms = most_apart_ms(settings)
    if ahead_ms > most_ahead_ms:
        return Reject.BAD_TIME, f"ts lies {ahead_ms / 1000:.0f} s ahead of now"
    if -ahead_ms > most_behind_ms:
        return Reject.BAD_TIME, f"ts lies {-ahead_ms / 1000:.0f} s behind now; it is in milliseconds"
    return None
