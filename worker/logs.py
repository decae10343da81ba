"""What a worker logs: to standard error, for people or, as one JSON object a line, for programs."""

import logging
import sys

import structlog
from structlog.typing import Processor
from typing_extensions import override

from worker.settings import LogSettings

LIBRARIES_LEVEL = logging.WARNING


def configure_logs(settings: LogSettings) -> None:
    """From now on; may be called again to change the level."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    renderers = _renderers(settings)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if settings.format == "json" else "%Y-%m-%d %H:%M:%S", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # which may be another stream by then
        cache_logger_on_first_use=False,  # so that a new level holds for all
    )
    _format_libraries(shared, renderers, level)


class _ToStandardError(logging.Handler):
    """What standard error is when something is logged."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


def _renderers(settings: LogSettings) -> list[Processor]:
    """Tracebacks come without local variables, which hold users and secrets."""
    if settings.format == "json":
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def _format_libraries(shared: list[Processor], renderers: list[Processor], level: int) -> None:
    """What libraries log by the standard module looks the same."""
    handler = _ToStandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, LIBRARIES_LEVEL))
