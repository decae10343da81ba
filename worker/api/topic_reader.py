"""Keeps what the API knows of topics up to date on a thread of its own: catalogue, rules, reviews."""

import threading
import time
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
        self._ended = threading.Event()
        self._is_away = False
        self._thread = threading.Thread(target=self._read, name="topics", daemon=True)

    def why_not_ready(self) -> str | None:
        """None once all that stood in the topics is known, and while Kafka is away: lists need no titles."""
        return None if self._has_caught_up() or self._is_away else "the catalogue is being read"

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
        try:
            changed, rejections = self._catalogue.refresh()
            self._control.refresh(round(time.time() * 1000))
            self._review.refresh()
        except Exception as error:  # the thread must go on, whatever it is
            if not self._is_away:
                log.warning("topics cannot be read now", cause=str(error))
            self._is_away = True
            return False
        self._is_away = False
        return bool(changed or rejections)
