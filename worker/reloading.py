"""Settings that may change while a worker runs; the others wait for its restart."""

from typing import NamedTuple

from worker.rules import ListRules
from worker.settings import Settings

RELOADABLE = {
    "log": ("level", "format"),
    "lists": (
        "allowed_categories",
        "blocked_categories",
        "min_price",
        "max_price",
        "popular_interval_seconds",
        "similar_interval_seconds",
    ),
    "snapshots": ("interval_seconds",),
}


class Reloaded(NamedTuple):
    """What came of settings that were read again.

    Attributes:
        settings: those in force from now on.
        changed: names of those that are others now; waiting: of those that differ, and wait for a restart.
    """

    settings: Settings
    changed: list[str]
    waiting: list[str]


def reloaded(now: Settings, wanted: Settings) -> Reloaded:
    """Takes over what may change.

    Rules that turn over what holds for items that the catalogue does not list wait: lists were made without them.
    """
    differing = [
        (section, name)
        for section in type(now).model_fields
        for name in type(getattr(now, section)).model_fields
        if getattr(getattr(now, section), name) != getattr(getattr(wanted, section), name)
    ]
    turns_over = ListRules(now.lists).unlisted_shown != ListRules(wanted.lists).unlisted_shown
    fitting = {
        (section, name)
        for section, name in differing
        if name in RELOADABLE.get(section, ()) and not (section == "lists" and turns_over)
    }
    sections = {
        section: getattr(now, section).model_copy(
            update={name: getattr(getattr(wanted, section), name) for each, name in fitting if each == section}
        )
        for section in RELOADABLE
    }
    names = [(f"{section}.{name}", (section, name) in fitting) for section, name in differing]
    return Reloaded(
        now.model_copy(update=sections),
        [name for name, fits in names if fits],
        [name for name, fits in names if not fits],
    )
