"""Logs go to a file while the screen belongs to the view."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog


@contextmanager
def logging_into(file: Path) -> Iterator[None]:
    """Appends what we and the libraries log, as one JSON object or one line each."""
    with file.open("a", encoding="utf-8") as stream:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.WriteLoggerFactory(stream),
        )
        handler = logging.StreamHandler(stream)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            structlog.reset_defaults()
