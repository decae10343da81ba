"""Keeps the catalogue up to date on a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from worker.catalogue import Catalogue
from worker.errors import ServiceUnavailable

LOOK_SECONDS = 0.5

log = structlog.get_logger(__name__)


@contextmanager
def followed(catalogue: Catalogue) -> Iterator[None]:
    """In the block, news of the catalogue arrive within about half a second; without Kafka they wait for it."""
    ended = threading.Event()
    thread = threading.Thread(target=_follow, args=(catalogue, ended), name="catalogue", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        catalogue.close()


def _follow(catalogue: Catalogue, ended: threading.Event) -> None:
    away = False
    while not ended.is_set():
        try:
            changed, rejections = catalogue.refresh()
        except ServiceUnavailable as error:
            if not away:
                log.warning("the catalogue cannot be read now", cause=str(error), remedy=error.remedy)
            away = True
            ended.wait(LOOK_SECONDS)
            continue
        away = False
        if not changed and not rejections:
            ended.wait(LOOK_SECONDS)
