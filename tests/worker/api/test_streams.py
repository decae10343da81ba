"""Server-sent events: a list that is followed, the figures that go on, how many may watch, and the end of all that."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.api import Api, Lists, made_list
from tests.support.api_server import running
from tests.support.waiting import wait_until

DEADLINE_SECONDS = 10.0


def events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Kind and content, as they come."""
    kind = ""
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        if name == "data":
            yield kind, json.loads(value)


def test_a_list_that_is_followed_comes_at_once_and_whenever_it_changed() -> None:
    api = Api(Lists(made_list("p"), ann=made_list("a")))
    with running(api) as url, httpx.stream("GET", f"{url}/v1/users/ann/follow") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        came = events(answer)
        kind, first = next(came)
        assert (kind, first["list"]["source"], first["list"]["items"][0]["item_id"]) == ("list", "personal", "a")
        api.lists.own["ann"] = made_list("b")
        assert next(came)[1]["list"]["items"][0]["item_id"] == "b"
        api.lists.available = False
        assert next(came) == ("gone", {"detail": "lists cannot be read now"})
        api.lists.available = True
        assert next(came)[1]["list"]["items"][0]["item_id"] == "b"
        del api.lists.own["ann"]
        assert next(came)[1]["list"]["source"] == "popular"


def test_the_figures_go_on_and_begin_with_what_was_seen_before() -> None:
    api = Api(Lists(made_list("p")), api__workers="http://127.0.0.1:1/metrics")
    with running(api) as url, httpx.stream("GET", f"{url}/v1/overview") as answer:
        came = events(answer)
        assert next(came) == ("history", [])
        times = [next(came)[1]["at"] for _ in range(2)]
        assert times[0] < times[1]
        with httpx.stream("GET", f"{url}/v1/overview") as another:
            assert len(next(events(another))[1]) >= 2


def test_so_many_may_follow_and_a_place_is_free_again_when_one_leaves() -> None:
    api = Api(Lists(made_list("p")), api__max_streams=1)
    with running(api) as url:
        with httpx.stream("GET", f"{url}/v1/users/ann/follow") as answer:
            came = events(answer)  # held: the stream ends with it
            next(came)
            refused = httpx.get(f"{url}/v1/users/bob/follow")
            assert refused.status_code == 503
            assert "api.max_streams" in refused.json()["remedy"]
            assert refused.headers["retry-after"]
            assert httpx.get(f"{url}/v1/users/bob/follow?once=true").status_code == 200
        wait_until(lambda: api.service.streams.open == 0, DEADLINE_SECONDS, "the place is free")
        with httpx.stream("GET", f"{url}/v1/users/bob/follow") as answer:
            assert next(events(answer))[0] == "list"


def test_streams_end_when_the_api_does() -> None:
    api = Api(Lists(made_list("p")))
    with running(api) as url, httpx.stream("GET", f"{url}/v1/users/ann/follow") as answer:
        came = events(answer)
        next(came)
        api.service.streams.end()
        assert list(came) == []


def test_where_there_is_no_list_at_all_nothing_is_followed() -> None:
    answer = Api(Lists(None)).client.get("/v1/users/ann/follow")
    assert (answer.status_code, answer.json()["detail"]) == (503, "there is no list yet")


@pytest.mark.parametrize("path", ["/v1/users/ann/follow", "/v1/overview"])
def test_who_asks_for_the_head_of_a_stream_gets_that_alone(path: str) -> None:
    api = Api(Lists(made_list("p")), api__workers="http://127.0.0.1:1/metrics")
    answer = api.client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert api.service.streams.open == 0
