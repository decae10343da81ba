"""A worker's settings for one replay: as given, but for what keeps the comparison with the ideal fair."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.batch import Interactions
from producers.columns import EventColumns
from worker.budgets import chosen_experts, embedding_width, items_budget_bytes, users_budget_bytes
from worker.served.plan import LIST_SIZE
from worker.settings import Settings, topics_called

KIND = "view_item"  # of events for which the file names none

# The ideal learns every event of the file. A worker turns away what is old, repeated or too fast, which replayed
# events are by nature.
ALL_EVENTS = {
    "dedupe_window_events": 0,
    "max_future_seconds": 0,
    "max_age_days": 0,
    "max_lateness_seconds": 0,
    "max_user_events_per_minute": 0,
}
SERVICE_WAIT_SECONDS = 30.0


def as_columns(stream: Interactions) -> EventColumns:
    """The stream as producers send it; an event without a kind is a view."""
    kinds = [kind or KIND for kind in stream.kinds or [""] * len(stream)]
    return EventColumns(list(stream.users), list(stream.items), stream.times_ms, kinds, np.full(len(stream), np.nan))


def run_settings(settings: Settings, stream: Interactions, name: str, folder: Path, refresh_seconds: float) -> Settings:
    """The settings with topics, keys, group and snapshots called `name`, that interval, and the stream's bounds.

    A kind of event weighs what it weighs in the stream.
    """
    weights = dict(zip(as_columns(stream).kinds, stream.weights.tolist(), strict=True))
    memory, items = settings.memory, len(set(stream.items))
    return changed(
        settings,
        kafka={**topics_called(name), "group_id": name, "instance_id": None},
        redis={"key_prefix": name},
        events={"format": "millrace", "kinds": weights},
        clean=ALL_EVENTS,
        memory={
            "users_bytes": max(
                memory.users_bytes, users_budget_bytes(len(set(stream.users)), settings.kafka.partitions)
            ),
            "items_bytes": max(
                memory.items_bytes, items_budget_bytes(items, chosen_experts(settings), embedding_width(settings))
            ),
        },
        refresh={"coalesce_seconds": refresh_seconds},
        lists={"size": LIST_SIZE, "similar_size": 0},
        snapshots={"directory": folder / name, "url": ""},
        run={"service_wait_seconds": SERVICE_WAIT_SECONDS},
    )


def changed(settings: Settings, **sections: Mapping[str, Any]) -> Settings:
    """The settings with other values in some sections, checked as any."""
    old = {name: getattr(settings, name) for name in sections}
    new = {name: type(each).model_validate(each.model_dump() | dict(sections[name])) for name, each in old.items()}
    return settings.model_copy(update=new)
