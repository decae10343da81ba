"""What there is to see at one moment."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from worker.demo.follow import Followed, Follower
from worker.demo.statistics import Figures, Statistics
from worker.errors import MillraceError
from worker.ports import ListSink
from worker.shown_lists import ShownList, read_list


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to look further.

    Attributes:
        console: "" = there is none.
    """

    kafka: str
    redis: str
    metrics: str
    credit: str
    console: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment.

    Attributes:
        titles: by item.
        followed: None = nobody yet.
        shown: his list as it stands in Redis; None = it could not be read.
    """

    addresses: Addresses
    figures: Figures
    titles: Mapping[str, str]
    followed: Followed | None = None
    shown: ShownList | None = None


class Lookout:
    """Puts scenes together."""

    def __init__(
        self,
        addresses: Addresses,
        statistics: Statistics,
        follower: Follower,
        lists: ListSink,
        titles: Mapping[str, str],
    ) -> None:
        self._addresses = addresses
        self._statistics = statistics
        self._follower = follower
        self._lists = lists
        self._titles = titles

    def scene(self) -> Scene:
        """The present moment."""
        followed = self._follower.followed()
        shown = self._read(followed.user_id) if followed else None
        return Scene(self._addresses, self._statistics.figures(), self._titles, followed, shown)

    def _read(self, user_id: str) -> ShownList | None:
        try:
            return read_list(self._lists, user_id, self._title, round(time.time() * 1000))
        except MillraceError:  # there is none yet, or Redis is away
            return None

    def _title(self, item_id: str) -> str:
        return self._titles.get(item_id) or item_id
