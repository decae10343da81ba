import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from worker.errors import ConfigurationError
from worker.health import HealthServer, Probe
from worker.settings import HealthSettings


def well() -> None:
    """A probe that finds nothing wrong."""


@contextmanager
def serving(
    metrics: Callable[[], bytes] = lambda: b"x 1\n", live: Probe = well, ready: Probe = well
) -> Iterator[HealthServer]:
    server = HealthServer(HealthSettings(port=0), metrics, live, ready)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def get(server: HealthServer, path: str) -> tuple[int, str, str]:
    """Status, content type and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_metrics_are_served_with_the_type_that_prometheus_expects() -> None:
    with serving(metrics=lambda: b"millrace_x_total 1.0\n") as server:
        assert get(server, "/metrics") == (200, "text/plain; version=0.0.4; charset=utf-8", "millrace_x_total 1.0\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/readyz?verbose"])
def test_a_probe_that_finds_nothing_wrong_says_ok(path: str) -> None:
    with serving() as server:
        assert get(server, path) == (200, "text/plain; charset=utf-8", "ok\n")


def test_a_worker_that_is_not_ready_gives_the_reason_in_one_line() -> None:
    with serving(ready=lambda: "restoring\npartition 3") as server:
        assert get(server, "/readyz")[::2] == (503, "restoring partition 3\n")
        assert get(server, "/livez")[0] == 200


def test_a_worker_that_stalls_is_not_live() -> None:
    with serving(live=lambda: "no round for 61 s") as server:
        assert get(server, "/livez")[::2] == (503, "no round for 61 s\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/../etc/passwd", "/healthz"])
def test_anything_else_is_not_found(path: str) -> None:
    with serving() as server:
        assert get(server, path)[0] == 404


def test_a_page_that_fails_tells_no_details() -> None:
    def broken() -> bytes:
        raise RuntimeError("secret")

    with serving(metrics=broken) as server:
        assert get(server, "/metrics")[::2] == (500, "internal error\n")
        assert get(server, "/livez")[0] == 200


def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    with serving() as first:
        second = HealthServer(HealthSettings(port=first.port), lambda: b"", well, well)
        with pytest.raises(ConfigurationError, match=str(first.port)) as caught:
            second.start()
        assert "MILLRACE_HEALTH__PORT" in caught.value.remedy
        second.stop()


def test_a_host_that_is_not_ours_is_a_configuration_error() -> None:
    server = HealthServer(HealthSettings(host="192.0.2.1", port=0), lambda: b"", well, well)
    with pytest.raises(ConfigurationError):
        server.start()


def test_it_starts_again_after_a_stop() -> None:
    with serving() as server:
        server.stop()
        server.stop()
        with pytest.raises(RuntimeError):
            server.port  # noqa: B018 (it is what raises)
        server.start()
        assert get(server, "/livez")[0] == 200
