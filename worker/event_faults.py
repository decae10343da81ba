"""What makes an event one that cannot be learned from, whatever came before it."""

from collections.abc import Container, Iterator
from math import inf

from worker.events import Interaction, Reject
from worker.settings import CleanSettings

NO_TIME_MS = -1
LAST_TIME_MS = 253_402_300_799_999  # the end of the year 9999
DAY_MS = 86_400_000
SHOWN_CHARACTERS = 60


def faults(
    event: Interaction, time_ms: int, kinds: Container[str], max_id_characters: int
) -> Iterator[tuple[Reject, str]]:
    """Reasons, and details for people. `time_ms` = NO_TIME_MS says that no calendar has the event's time."""
    if event.event not in kinds:
        yield Reject.UNKNOWN_KIND, f"event {_shown(event.event)} is not among the configured kinds"
    for name, identifier in (("user_id", event.user_id), ("item_id", event.item_id)):
        for fault in id_faults(name, identifier, max_id_characters):
            yield Reject.BAD_ID, fault
    if time_ms == NO_TIME_MS:
        whose = "the record's time" if event.ts is None else f"ts {_shown(str(event.ts))}"
        yield Reject.BAD_TIME, f"{whose} is no time between 1970 and 9999 in milliseconds"


def id_faults(name: str, identifier: str, max_id_characters: int) -> Iterator[str]:
    """Why it is no id of a user or an item; `name` is the field's."""
    if not identifier:
        yield f"{name} is empty"
    if len(identifier) > max_id_characters:
        yield f"{name} has over {max_id_characters} characters: {_shown(identifier)}"
    if min(identifier, default=" ") < " " or "\x7f" in identifier:
        yield f"{name} holds a control character: {_shown(identifier)}"


def most_apart_ms(settings: CleanSettings) -> tuple[float, float]:
    """How far an event's time may lie ahead of its record's, and behind it."""
    return settings.max_future_seconds * 1000 or inf, settings.max_age_days * DAY_MS or inf


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}...")
