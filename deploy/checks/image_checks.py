"""What the image does when it runs: it says its version, finds its kernels, and works on real services."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import httpx
import psutil
import redis

from deploy.checks.image import Images
from deploy.checks.running import Check, CheckFailed, command
from worker.embedded.ports import HOST, free_ports
from worker.embedded.services import EmbeddedServices
from worker.events import KEY_PREFIX, popular_key

WAIT_SECONDS = 120.0
EVENTS = 1000  # as many as one request may have
KEY = "a-key-for-this-check-only"
BEARING_KEY = {"X-API-Key": KEY}
USER = 10001
NOT_LISTED = """
import json, importlib.metadata
listed = {each["name"] for each in json.load(open("/app/sbom.cdx.json"))["components"]}
print(len(listed), *sorted({each.metadata["Name"] for each in importlib.metadata.distributions()} - listed))
"""
COMPILED = "import os, models.compiled as c; assert c.is_compiled(), 'nothing is compiled'; print(os.getuid())"


def checks(images: Images) -> list[Check]:
    """In this order: the first one builds what the others run."""
    return [
        Check("image", lambda: f"built on {images.build()}"),
        Check("image --version", lambda: _version(images)),
        Check("image kernels", lambda: _kernels(images)),
        Check("image contents", lambda: _contents(images)),
        Check("image worker and API", lambda: _work(images)),
    ]


def _version(images: Images) -> str:
    told = command(*images.running(images.container(), "/app/bin/millrace", "--version")).strip()
    if told != f"millrace {version('millrace')}":
        raise CheckFailed(f"says {told}")
    return told


def _kernels(images: Images) -> str:
    told = command(*images.running(images.container(), "/app/bin/python", "-c", COMPILED)).strip()
    if told != str(USER):
        raise CheckFailed(f"runs as user {told}")
    return f"compiled in the image, found by user {told}"


def _contents(images: Images) -> str:
    """All that is installed stands in the list, which is about the package itself."""
    told = command(*images.running(images.container(), "/app/bin/python", "-c", NOT_LISTED)).split()
    if told[1:] != ["millrace"]:
        raise CheckFailed(f"not in /app/sbom.cdx.json: {', '.join(told[1:])}")
    return f"{told[0]} packages in /app/sbom.cdx.json"


def _work(images: Images) -> str:
    """On real services: topics, a worker and an API that become ready, and an orderly end of both."""
    services = EmbeddedServices()
    services.start()
    try:
        return _work_on(images, services)
    finally:
        services.close()


def _work_on(images: Images, services: EmbeddedServices) -> str:
    variables = {
        "MILLRACE_KAFKA__BOOTSTRAP_SERVERS": services.bootstrap_servers,
        "MILLRACE_REDIS__URL": services.redis_url,
    }
    command(*images.running(images.container(), "/app/bin/millrace", "topics", "create", **variables))
    with _serving(images, variables) as url, redis.Redis.from_url(services.redis_url) as lists:
        accepted = _post_events(url)
        with _ready_process(images, "worker", variables) as worker:
            _wait_for(worker, lambda: bool(lists.exists(popular_key(KEY_PREFIX))), "publishing")
        popular = _answer(httpx.get(f"{url}/v1/popular", headers=BEARING_KEY))
        published = lists.dbsize()
    return f"{published} keys from {accepted} events, {len(popular['items'])} items by the API, both ended in order"


@contextmanager
def _serving(images: Images, variables: dict[str, str]) -> Iterator[str]:
    """The address of an API."""
    (port,) = free_ports(1)
    own = {"MILLRACE_API__PORT": str(port), "MILLRACE_API__ADMIN_KEYS": KEY}
    with _ready_process(images, "serve", variables | own):
        yield f"http://{HOST}:{port}"


@contextmanager
def _ready_process(images: Images, verb: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """One that is ready, and is asked to end when the block ends well."""
    (port,) = free_ports(1)
    ports = dict.fromkeys(("MILLRACE_HEALTH__PORT", "MILLRACE_API__HEALTH_PORT"), str(port))
    words = images.running(images.container(), "/app/bin/millrace", verb, **variables, **ports)
    with _process(words) as process:
        _wait_for(process, lambda: _ready(port), "ready")
        yield process
        _end(process)


def _post_events(url: str) -> int:
    """Each of another user; returns how many the API took."""
    events = [{"user_id": f"user-{n}", "item_id": f"item-{n % 50}", "event": "view_item"} for n in range(EVENTS)]
    return int(_answer(httpx.post(f"{url}/v1/events", json=events, headers=BEARING_KEY))["accepted"])


def _answer(response: httpx.Response) -> Any:
    """What the API says. Raises CheckFailed where it refuses."""
    if response.is_error:
        raise CheckFailed(f"{response.url}: {response.status_code} {response.text}")
    return response.json()


@contextmanager
def _process(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        _kill(process)
        process.wait()


def _kill(process: subprocess.Popen[str]) -> None:
    """With what it started, which would live on."""
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2):
            return True
    except (OSError, urllib.error.HTTPError):
        return False


def _wait_for(worker: subprocess.Popen[str], reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        if worker.poll() is not None or time.monotonic() > deadline:
            _kill(worker)
            output, _ = worker.communicate()
            raise CheckFailed(f"it is not {what}:\n{output[-3000:]}")
        time.sleep(0.2)


def _end(worker: subprocess.Popen[str]) -> None:
    """Sends SIGTERM to the process itself: what runs it would not hand it on."""
    tree = psutil.Process(worker.pid).children(recursive=True)
    (millrace,) = (each for each in tree if each.cmdline()[:1] == ["/app/bin/python"])
    os.kill(millrace.pid, signal.SIGTERM)
    output, _ = worker.communicate(timeout=WAIT_SECONDS)
    if worker.returncode:
        raise CheckFailed(f"it ended with {worker.returncode}:\n{output[-3000:]}")
