"""The workers' figures over HTTP: read while somebody watches, and honest about who is away."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from tests.support.api import Api, Lists, made_list
from tests.support.metrics_pages import WorkerPage
from tests.support.waiting import PAUSE_SECONDS
from worker.api.watch.overview import OverviewWatch
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.health import HealthServer
from worker.settings import HealthSettings

MOST_LOOKS = 500


@contextmanager
def served(page: Callable[[], bytes]) -> Iterator[str]:
    """The address of a worker's metrics."""
    health = HealthServer(HealthSettings(host="127.0.0.1", port=0), page, lambda: None, lambda: None)
    health.start()
    try:
        yield f"http://127.0.0.1:{health.port}/metrics"
    finally:
        health.stop()


def api(workers: str = "") -> Api:
    return Api(Lists(made_list("p")), api__workers=workers)


def test_the_overview_has_each_worker_and_all_in_sum_and_says_who_is_away() -> None:
    page = WorkerPage()

    def working() -> bytes:
        page.works(100, lists=3)
        return page.text().encode()

    with served(working) as address:
        found = api(f"{address}, http://127.0.0.1:1/metrics").client.get("/v1/overview?once=true").json()
    one, other = found["workers"]
    assert one["away"] == ""
    assert one["figures"]["events_per_second"] > 10
    assert one["figures"] == found["total"]
    assert (other["name"], other["away"], other["figures"]) == ("127.0.0.1:1", "it does not answer", None)


@pytest.mark.parametrize(
    ("page", "why"), [(lambda: b"<p>hello</p>", "are no metrics"), (lambda: b"x" * 5_000_000, "over 4000000 bytes")]
)
def test_an_address_where_no_worker_is_says_so(page: Callable[[], bytes], why: str) -> None:
    with served(page) as address:
        found = api(address).client.get("/v1/overview?once=true").json()
    assert why in found["workers"][0]["away"]
    assert found["total"] is None


def test_a_page_that_is_missing_is_told_by_its_status() -> None:
    with served(lambda: b"") as address:
        found = api(f"{address}s").client.get("/v1/overview?once=true").json()
    assert found["workers"][0]["away"] == f"it answers {HTTPStatus.NOT_FOUND.value}"


def test_without_addresses_the_answer_says_how_to_set_them() -> None:
    answer = api().client.get("/v1/overview")
    assert answer.status_code == 501
    assert "MILLRACE_API__WORKERS" in answer.json()["remedy"]


def test_an_address_that_is_none_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="is no address as in"):
        api("file:///etc/passwd")


def test_passwords_in_addresses_are_not_shown() -> None:
    found = api("http://me:secret@127.0.0.1:1/metrics").client.get("/v1/overview?once=true")
    assert "secret" not in found.text


def test_workers_are_read_only_while_somebody_watches() -> None:
    page, reads = WorkerPage(), []

    async def fetch(address: str) -> str:
        reads.append(address)
        page.works(10)
        return page.text()

    async def look() -> None:
        watch = OverviewWatch(("http://w/metrics",), fetch)
        assert watch.latest is None
        with watch.watched(), watch.watched():
            await until(lambda: watch.latest is not None)
        assert watch.latest is None, "what was seen then is not shown as if it were now"
        assert len(watch.history) == 1
        await asyncio.sleep(0)
        assert len(reads) == 1

    asyncio.run(look())


def test_a_worker_that_comes_back_is_read_anew() -> None:
    first, second = WorkerPage(), WorkerPage()
    first.works(1000)
    second.works(10)
    answers: Iterator[str | None] = iter([first.text(), None, second.text()])

    async def fetch(_: str) -> str:
        page = next(answers)
        if page is None:
            raise ServiceUnavailable("it does not answer", "start it")
        return page

    async def look() -> None:
        watch = OverviewWatch(("http://w/metrics",), fetch)
        seen = [await watch.read() for _ in range(3)]
        assert [overview.workers[0].away for overview in seen] == ["", "it does not answer", ""]
        assert seen[2].total is not None
        assert seen[2].total.events_per_second is None, "its counters began anew: there is nothing to compare with"

    asyncio.run(look())


async def until(condition: Callable[[], bool]) -> None:
    """Waits for it in an event loop."""
    for _ in range(MOST_LOOKS):
        if condition():
            return
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError("not in time")
