"""Runs the API: its port, its health port, and what reads topics beside it."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.metadata import version

import structlog
import uvicorn
import uvloop
from typing_extensions import override

from worker.adapters.kafka_records import KafkaRecords
from worker.adapters.kafka_table import KafkaTable
from worker.adapters.memory import MemoryTable
from worker.adapters.redis_lists import RedisLists
from worker.adapters.redis_reader import RedisReader
from worker.api.app import application
from worker.api.protocol import BoundedHead
from worker.api.service import Service
from worker.api.topic_reader import TopicReader
from worker.catalogue import Catalogue
from worker.collector import few_collections
from worker.control import Control
from worker.errors import ConfigurationError, MillraceError
from worker.health import HealthServer
from worker.logs import configure_logs
from worker.ports import CompactedTopic
from worker.prometheus_requests import ApiMetrics
from worker.review import ReviewQueue
from worker.rules import ListRules
from worker.settings import KafkaSettings, Settings
from worker.settings_api import ApiSettings

KEEP_ALIVE_SECONDS = 75  # above the idle time of the usual load balancers: they close first
ANSWER_SECONDS = 2.0

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; what is being answered then still is. Raises MillraceError."""
    configure_logs(settings.log)
    metrics = ApiMetrics()
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        service = _opened(settings, stack)
        server = _Server(_configured(settings, application(service, metrics)), service.streams.end)
        listening = stack.enter_context(closing(_listen(settings.api)))
        reader = stack.enter_context(TopicReader(service.catalogue, service.control, service.review))
        health_port = stack.enter_context(_probed(settings, metrics, runner.get_loop(), reader))
        if not settings.api.has_keys:
            log.warning("no key is set: everyone on this machine may read and write")
        log.info("API started", port=listening.getsockname()[1], health_port=health_port, version=version("millrace"))
        try:
            with few_collections():
                runner.run(server.serve([listening]))
        finally:
            runner.run(service.lists.close())
    log.info("API stopped")


def _opened(settings: Settings, stack: ExitStack) -> Service:
    """The services; the stack closes what is written to."""
    kafka, lists = settings.kafka, RedisReader(settings.redis)
    records = None
    if kafka.bootstrap_servers is not None:
        records = stack.enter_context(closing(KafkaRecords(kafka, settings.api.acknowledge_seconds)))
    return Service(
        settings,
        lists,
        records,
        Catalogue(_table(kafka, kafka.items_topic), ListRules(settings.lists), settings.events),
        Control(_table(kafka, kafka.control_topic), settings.events),
        ReviewQueue(_table(kafka, kafka.review_topic)),
    )


def _table(kafka: KafkaSettings, topic: str) -> CompactedTopic:
    return MemoryTable() if kafka.bootstrap_servers is None else KafkaTable(kafka, topic)


@contextmanager
def _probed(
    settings: Settings, metrics: ApiMetrics, loop: asyncio.AbstractEventLoop, reader: TopicReader
) -> Iterator[int]:
    """In the block, the health port answers; yields its number."""
    with closing(RedisLists(settings.redis, settings.lists)) as lists:
        health = HealthServer(
            settings.health.model_copy(update={"port": settings.api.health_port}),
            metrics.render,
            lambda: _stuck(loop),
            lambda: _away(lists) or reader.why_not_ready(),
            "MILLRACE_API__HEALTH_PORT",
        )
        health.start()
        try:
            yield health.port
        finally:
            health.stop()


class _Server(uvicorn.Server):
    """Ends with 0 after a signal, where the original raises it again; `on_stop` ends what would go on."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        """A second signal waits for nobody."""
        self.force_exit, self.should_exit = self.should_exit, True
        self._on_stop()


def _configured(settings: Settings, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # its own words for an ASGI application
        http=BoundedHead,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=round(settings.run.drain_seconds),
    )


def _listen(settings: ApiSettings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}",
            "set MILLRACE_API__PORT to a free port (0 = any) and MILLRACE_API__HOST to an own address",
        ) from error


def _stuck(loop: asyncio.AbstractEventLoop) -> str | None:
    """Why the API is not live."""
    try:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(ANSWER_SECONDS)
    except TimeoutError:
        return f"the event loop has stood still for {ANSWER_SECONDS:g} s"
    return None


def _away(lists: RedisLists) -> str | None:
    """Why the API is not ready."""
    try:
        lists.ping()
    except MillraceError as error:
        return str(error)
    return None
