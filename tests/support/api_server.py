"""The API over services in memory, on a port of its own: the test client would wait for the end of a stream."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.support.api import Api
from tests.support.waiting import wait_until
from worker.embedded.ports import free_ports

START_SECONDS = 10.0


@contextmanager
def running(api: Api) -> Iterator[str]:
    """In the block, the API answers on a thread; yields its address."""
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(api.app, port=port, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, START_SECONDS, "the API runs")
        yield f"http://127.0.0.1:{port}"
    finally:
        api.service.streams.end()
        server.should_exit = True
        thread.join()
