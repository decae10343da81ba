"""CloudEvents 1.0 in structured JSON mode; the data is an event of ours.

https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md
"""

from datetime import datetime
from typing import Literal

import msgspec

from worker.events import Interaction
from worker.formats.shape import Format, ms_from_datetime


class Envelope(msgspec.Struct, frozen=True):
    """The envelope: source and id together are unique."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: datetime | None = None
    data: Interaction | None = None
    data_base64: bytes | None = None


_DATA = msgspec.json.Decoder(Interaction)


def convert(envelope: Envelope) -> list[Interaction]:
    """The event inside; what it lacks of id and time comes from the envelope."""
    event = envelope.data
    if event is None and envelope.data_base64 is not None:
        event = _DATA.decode(envelope.data_base64)
    if event is None:
        raise ValueError("neither `data` nor `data_base64` is there")
    return [
        msgspec.structs.replace(
            event,
            ts=ms_from_datetime(envelope.time) if event.ts is None else event.ts,
            event_id=event.event_id or f"{envelope.source}#{envelope.id}",
        )
    ]


CLOUDEVENTS = Format(Envelope, convert)
