"""How commands print what is known of an item of a list."""

from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # msgspec is slow to load: help does without it
    from worker.shown_lists import ShownItem, ShownList

BAR_CHARACTERS = 20


def whose(shown: "ShownList") -> str:
    """Which list it is, of what age, and who made it."""
    mine = f"The list of {shown.user_id}" if shown.personal else f"{shown.user_id} has no list yet: the popular list"
    return f"{mine}, {_age(shown.age_seconds)} old, by {shown.model}"


def explanation(item: "ShownItem") -> Table:
    """The experts' shares, largest first, beside what the ranker's score is the sum of."""
    table = Table("expert", "share", "", "part of the score", "adds", box=None, header_style="bold")
    shares = sorted(item.shares.items(), key=lambda named: -named[1])
    cells = [(name, f"{share:.1%}", "█" * round(BAR_CHARACTERS * share)) for name, share in shares]
    parts = [(name, f"{part:+.3f}") for name, part in item.parts.items()]
    parts.append(("in sum", f"{sum(item.parts.values()):+.3f}"))
    for left, right in zip_longest(cells, parts):
        table.add_row(*(left or ("", "", "")), *(right or ("", "")))
    return table


def movers(item: "ShownItem") -> Table:
    """The user's own items that moved it, and what its probability would lose without each."""
    table = Table("own item", "title", "event", "less likely without it", box=None, header_style="bold")
    for mover in item.moved_by:
        table.add_row(*map(Text, (mover.item_id, mover.title, mover.event, f"{mover.share:.1%}")))
    return table


def _age(seconds: float) -> str:
    for name, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {name}"
    return f"{seconds:.1f} s"
