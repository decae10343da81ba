"""One small port for Prometheus and for probes: /metrics, /livez, /readyz."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

import structlog
from typing_extensions import override

from worker.errors import ConfigurationError
from worker.settings import HealthSettings

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
REQUEST_SECONDS = 5.0
STOP_SECONDS = 0.1  # how often the listening thread looks whether to end

log = structlog.get_logger(__name__)

Probe = Callable[[], str | None]


class HealthServer:
    """Serves what it is given; knows nothing of the worker.

    `metrics` returns text in Prometheus' format 0.0.4. `live` and `ready` return None when all is well, else
    the reason in one line. They are called from other threads.
    """

    def __init__(
        self,
        settings: HealthSettings,
        metrics: Callable[[], bytes],
        live: Probe,
        ready: Probe,
        port_variable: str = "MILLRACE_HEALTH__PORT",
    ) -> None:
        """`port_variable` is what sets the port, for people."""
        self._settings = settings
        self._port_variable = port_variable
        self._pages = {
            "/metrics": lambda: (HTTPStatus.OK, METRICS_TYPE, metrics()),
            "/livez": lambda: _probed(live),
            "/readyz": lambda: _probed(ready),
        }
        self._server: ThreadingTCPServer | None = None

    @property
    def port(self) -> int:
        """The port it listens on; known once it was started."""
        if self._server is None:
            raise RuntimeError("the health port is not open")
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listens, on threads of its own. Raises ConfigurationError when the port cannot be had."""
        try:
            self._server = _Server((self._settings.host, self._settings.port), _handler(self._pages))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {self._settings.host}:{self._settings.port}: {error.strerror}",
                f"set {self._port_variable} to a free port (0 = any) and MILLRACE_HEALTH__HOST to an own address",
            ) from error
        threading.Thread(target=self._server.serve_forever, args=(STOP_SECONDS,), name="health", daemon=True).start()

    def stop(self) -> None:
        """Closes the port; harmless when it is closed."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingTCPServer):
    """Not `HTTPServer`, which asks a name server for our own name."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


Page = Callable[[], tuple[HTTPStatus, str, bytes]]


def _probed(probe: Probe) -> tuple[HTTPStatus, str, bytes]:
    reason = probe()
    if reason is None:
        return HTTPStatus.OK, TEXT_TYPE, b"ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, TEXT_TYPE, f"{' '.join(reason.split())}\n".encode()


def _handler(pages: dict[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = _served(page) if page else (HTTPStatus.NOT_FOUND, TEXT_TYPE, b"not found\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def version_string(self) -> str:
            return "millrace"

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds."""

    return Handler


def _served(page: Page) -> tuple[HTTPStatus, str, bytes]:
    try:
        return page()
    except Exception:  # whatever a page does wrong, the port must go on answering
        log.exception("a health page failed")
        return HTTPStatus.INTERNAL_SERVER_ERROR, TEXT_TYPE, b"internal error\n"
