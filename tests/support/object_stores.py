"""An S3 of our own (moto), and what can go wrong on the way to it."""

import http.client
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from typing_extensions import override

HOP_BY_HOP = {"connection", "date", "server", "transfer-encoding"}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a running one. Raises ImportError where moto is not installed."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # each request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(address: str) -> str:
    """The name of a bucket that was just made."""
    bucket = f"bucket-{uuid.uuid4().hex}"
    with urlopen(Request(f"{address}/{bucket}", method="PUT")):
        return bucket


def overwrite(url: str, endpoint: str, content: bytes) -> None:
    """Puts something else where an object lies, as a stranger would."""
    import obstore
    from obstore.store import from_url

    folder, _, name = url.rpartition("/")
    store = from_url(folder, config={"endpoint": endpoint}, client_options={"allow_http": True})
    obstore.put(store, name, content)


class Way:
    """Passes requests on to a store, as `fault` lets it.

    Attributes:
        address: where it listens.
        fault: told of each request's method; its answer is what happens: `pass`, `lose` the store's answer, `hang`
            until the end, or a status.
        requests: methods and paths that came, in order.
    """

    def __init__(self, target: str) -> None:
        self.fault: Callable[[str], str] = lambda _: "pass"
        self.requests: list[tuple[str, str]] = []
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(target).netloc, self._ended))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _handler(way: Way, target: str, ended: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):  # any method
                return self._handle
            raise AttributeError(name)

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            way.requests.append((self.command, self.path))
            fault = way.fault(self.command)
            if fault == "hang":
                ended.wait()
            elif fault.isdigit():
                self._answer(int(fault), b"", {})
                return
            else:
                answer = self._passed_on(body)
                if fault == "pass":
                    self._answer(*answer)
                    return
            self.close_connection = True

        def _passed_on(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            connection = http.client.HTTPConnection(target, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content, dict(answer.headers)

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
            for name, value in ({"Content-Length": str(len(content))} | kept).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, *_: object) -> None: ...

    return Handler
