"""Keeps the catalogue up to date on a thread of its own."""

import threading
from typing import Self

import structlog

from worker.catalogue import Catalogue

LOOK_SECONDS, FIRST_LOOK_SECONDS = 0.5, 0.02

log = structlog.get_logger(__name__)


class CatalogueReader:
    """Reads news of a catalogue in a `with` block; without Kafka, what is known stays.

    Attributes:
        catalogue: what is known by now.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._ended = threading.Event()
        self._is_away = False
        self._thread = threading.Thread(target=self._read, name="catalogue", daemon=True)

    def why_not_ready(self) -> str | None:
        """None once all that stood in the topic is known, and while Kafka is away: lists need no titles."""
        return None if self.catalogue.caught_up or self._is_away else "the catalogue is being read"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.catalogue.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            if not self._found_news():
                self._ended.wait(LOOK_SECONDS if self.catalogue.caught_up else FIRST_LOOK_SECONDS)

    def _found_news(self) -> bool:
        try:
            changed, rejections = self.catalogue.refresh()
        except Exception as error:  # the thread must go on, whatever it is
            if not self._is_away:
                log.warning("the catalogue cannot be read now", cause=str(error))
            self._is_away = True
            return False
        self._is_away = False
        return bool(changed or rejections)
