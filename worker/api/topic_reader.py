"""Keeps what the API knows of topics up to date on a thread of its own: catalogue, rules, reviews."""

import threading
import time
from collections.abc import Callable
from typing import Self

import structlog

from worker.catalogue import Catalogue
from worker.control import Control
from worker.review import ReviewQueue

LOOK_SECONDS, FIRST_LOOK_SECONDS = 0.5, 0.02

log = structlog.get_logger(__name__)


class TopicReader:
    """Reads news in a `with` block; without Kafka, what is known stays."""

    def __init__(self, catalogue: Catalogue, control: Control, review: ReviewQueue) -> None:
        self._catalogue = catalogue
        self._control = control
        self._review = review
        self._looks: dict[str, Callable[[], object]] = {
            "items": self._look_at_catalogue,
            "control": self._look_at_control,
            "review": review.refresh,
        }
        self._away: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="topics", daemon=True)

    def why_not_ready(self) -> str | None:
        """None once all that stood in the topics is known, but for those that cannot be read: lists need no titles."""
        reads: dict[str, Catalogue | Control | ReviewQueue] = {
            "items": self._catalogue,
            "control": self._control,
            "review": self._review,
        }
        unread = [name for name, each in reads.items() if not each.caught_up and name not in self._away]
        return f"still being read: {', '.join(unread)}" if unread else None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._catalogue.close()
        self._control.close()
        self._review.close()

    def _has_caught_up(self) -> bool:
        return self._catalogue.caught_up and self._control.caught_up and self._review.caught_up

    def _read(self) -> None:
        while not self._ended.is_set():
            if not self._found_news():
                self._ended.wait(LOOK_SECONDS if self._has_caught_up() else FIRST_LOOK_SECONDS)

    def _found_news(self) -> bool:
        """One that cannot be read keeps no other from being read."""
        read = [self._read_one(name, look) for name, look in self._looks.items()]
        return any(read)

    def _read_one(self, name: str, look: Callable[[], object]) -> bool:
        try:
            has_news = bool(look())
        except Exception as error:  # the thread must go on, whatever it is
            if name not in self._away:
                log.warning("a topic cannot be read now", topic=name, cause=str(error))
            self._away.add(name)
            return False
        self._away.discard(name)
        return has_news

    def _look_at_catalogue(self) -> bool:
        return any(self._catalogue.refresh())

    def _look_at_control(self) -> bool:
        news = self._control.refresh(round(time.time() * 1000))
        return news.rules or news.requests
