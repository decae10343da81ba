"""GET of lists: whose they are, what is left of them, and what a client may keep."""

from urllib.parse import quote

import msgspec
import pytest

from tests.support.api import GENERATED_AT, Api, Lists, made_list
from worker.events import Item, Mover, RecentEvent

CATALOGUE: dict[str, bytes | None] = {
    name: msgspec.json.encode(Item(name, f"Title of {name}", category)) for name, category in (("a", "x"), ("b", "y"))
}


@pytest.fixture
def api() -> Api:
    return Api(Lists(made_list("p1", "p2", "p3", "a"), ann=made_list("a", "b", "c", shares={"next": 1.0})), CATALOGUE)


@pytest.fixture
def explained() -> Api:
    """Ann has a list of b, with all that can be published with it."""
    moved = (Mover("a", "purchase", 0.5),)
    known = {"shares": {"next": 1.0}, "moved_by": moved, "popularity": 0.25, "trend": 2.0, "rule": "r1"}
    own = msgspec.structs.replace(made_list("b", **known), recent=(RecentEvent("a", 5, "purchase"),))
    return Api(Lists(made_list("p1"), ann=own), CATALOGUE)


def items_of(api: Api, address: str) -> list[str]:
    answer = api.client.get(address)
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def test_a_user_gets_the_own_list_with_titles_scores_and_reasons(api: Api) -> None:
    answer = api.client.get("/v1/users/ann/recommendations?k=1").json()
    assert answer == {
        "user_id": "ann",
        "source": "personal",
        "model": "m",
        "generated_at": GENERATED_AT,
        "items": [
            {
                "rank": 1,
                "item_id": "a",
                "title": "Title of a",
                "score": 1.0,
                "expert": "popular_fast",
                "reason": "popular right now",
            }
        ],
    }


def test_who_has_no_list_gets_the_popular_one_and_the_answer_says_so(api: Api) -> None:
    answer = api.client.get("/v1/users/nobody/recommendations").json()
    assert answer["source"] == "popular"
    assert [item["item_id"] for item in answer["items"]] == ["p1", "p2", "p3", "a"]


def test_what_is_excluded_makes_room_for_what_comes_next(api: Api) -> None:
    assert items_of(api, "/v1/users/ann/recommendations?exclude=a&exclude=zz&k=2") == ["b", "c"]
    assert items_of(api, "/v1/popular?exclude=p1&k=1") == ["p2"]


def test_ranks_count_what_is_left(api: Api) -> None:
    answer = api.client.get("/v1/users/ann/recommendations?exclude=a").json()
    assert [(item["rank"], item["score"]) for item in answer["items"]] == [(1, 1 / 2), (2, 1 / 3)]


def test_a_category_leaves_its_items_alone(api: Api) -> None:
    assert items_of(api, "/v1/users/ann/recommendations?category=y") == ["b"]


def test_where_nothing_of_the_own_list_is_left_the_popular_one_fills_in(api: Api) -> None:
    address = "/v1/users/ann/recommendations?exclude=a&exclude=b&exclude=c"
    assert items_of(api, address) == ["p1", "p2", "p3"]
    assert api.client.get(address).json()["source"] == "popular"


def test_shares_are_told_to_those_who_ask(api: Api) -> None:
    told = api.client.get("/v1/users/ann/recommendations?explain=true").json()["items"][0]
    assert told["shares"] == {"next": 1.0}
    assert "shares" not in api.client.get("/v1/users/ann/recommendations").json()["items"][0]


def test_why_an_item_is_in_a_list_can_be_asked(api: Api) -> None:
    told = api.client.get("/v1/users/ann/explain/b").json()
    assert (told["source"], told["item"]["rank"], told["item"]["shares"]) == ("personal", 2, {"next": 1.0})
    assert api.client.get("/v1/users/nobody/explain/p2").json()["source"] == "popular"
    missing = api.client.get("/v1/users/ann/explain/p2")
    assert (missing.status_code, "p2" in missing.json()["detail"]) == (404, True)


def test_all_that_is_known_of_an_item_is_told_in_fields_and_in_words(explained: Api) -> None:
    told = explained.client.get("/v1/users/ann/explain/b").json()
    assert told["item"]["moved_by"] == [{"item_id": "a", "title": "Title of a", "share": 0.5, "event": "purchase"}]
    assert (told["item"]["popularity"], told["item"]["trend"], told["item"]["rule"]) == (0.25, 2.0, "r1")
    assert told["item"]["sentence"] == (
        "Popular right now; by the rule r1; because you bought Title of a; "
        "in the long run 25% of all events; lately 2 times as much."
    )
    assert told["recent"] == [{"item_id": "a", "title": "Title of a", "ts": 5, "event": "purchase"}]
    listed = explained.client.get("/v1/users/ann/recommendations?explain=true").json()
    assert (listed["items"][0], listed["recent"]) == (told["item"], told["recent"])


def test_a_list_without_explanations_keeps_the_rule_alone(explained: Api) -> None:
    told = explained.client.get("/v1/users/ann/recommendations").json()
    assert "recent" not in told
    told["items"][0].pop("sentence")
    assert told["items"][0].keys() == {"rank", "item_id", "title", "score", "expert", "reason", "rule"}


def reason_of(api: Api, query: str = "", **headers: str) -> str:
    answer = api.client.get(f"/v1/users/ann/recommendations{query}", headers=headers)
    assert "Accept-Language" in answer.headers["vary"]
    reason: str = answer.json()["items"][0]["reason"]
    return reason


ENGLISH, CHINESE = "popular right now", "眼下正热门"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("zh", CHINESE),
        ("zh-CN,zh;q=0.9,en;q=0.8", CHINESE),
        ("fr, zh;q=0.5, en;q=0.4", CHINESE),
        ("en;q=0.4, zh ; q=0.5", CHINESE),
        ("en-GB, zh;q=0.9", ENGLISH),
        ("zh;q=0", ENGLISH),
        ("zh;q=x, de", ENGLISH),
        ("zh;level=1", ENGLISH),
        ("*, zh;q=0.5", ENGLISH),
        (",;q=", ENGLISH),
    ],
)
def test_reasons_come_in_the_language_that_the_client_prefers(api: Api, header: str, reason: str) -> None:
    assert reason_of(api, **{"accept-language": header}) == reason
    assert reason_of(api, "?language=en", **{"accept-language": header}) == ENGLISH


def test_the_query_says_the_language_before_the_header(api: Api) -> None:
    assert reason_of(api, "?language=zh", **{"accept-language": "en"}) == CHINESE
    assert api.client.get("/v1/popular?language=zh").json()["items"][0]["reason"] == CHINESE
    assert api.client.get("/v1/users/ann/explain/a?language=zh").json()["item"]["reason"] == CHINESE


def test_a_language_that_there_is_not_is_refused(api: Api) -> None:
    refused = api.client.get("/v1/popular?language=xx")
    assert (refused.status_code, refused.json()["remedy"]) == (400, "give one of en, zh")


@pytest.mark.parametrize("user", ["a/b", "ä ö", "100%", "x?y", "a/recommendations", "a/explain", "a%2Fb", "\n"])
def test_ids_may_hold_what_addresses_must_quote(user: str) -> None:
    api = Api(Lists(made_list("p"), **{user: made_list("own")}))
    assert items_of(api, f"/v1/users/{quote(user, safe='')}/recommendations") == ["own"]


def test_a_slash_that_is_not_quoted_is_no_part_of_an_id(api: Api) -> None:
    assert api.client.get("/v1/users/ann/explain/recommendations").status_code == 404
    assert api.client.get("/api/recommend/ann/books").status_code == 404
    assert api.client.get("/v1/popular/").status_code == 404


def test_a_client_that_has_the_list_is_not_sent_it_again(api: Api) -> None:
    first = api.client.get("/v1/users/ann/recommendations")
    again = api.client.get(
        "/v1/users/ann/recommendations", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    )
    assert (again.status_code, again.content) == (304, b"")
    api.lists.own["ann"] = made_list("b")
    changed = api.client.get("/v1/users/ann/recommendations", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


def test_large_answers_are_compressed_for_those_who_can_read_it() -> None:
    api = Api(Lists(made_list(*(f"item-{number}" for number in range(100)))))
    answer = api.client.get("/v1/popular", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["items"]) == 100
    assert "content-encoding" not in api.client.get("/v1/popular", headers={"Accept-Encoding": "identity"}).headers


@pytest.mark.parametrize("query", ["k=0", "k=101", "k=x", "k=1&k=2", "k=1e1", "explain=maybe", "exlude=a", "k=٣"])
def test_a_parameter_that_is_wrong_is_named_with_what_would_be_right(api: Api, query: str) -> None:
    answer = api.client.get(f"/v1/users/ann/recommendations?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_without_any_list_the_answer_says_what_to_do_and_when_to_ask_again() -> None:
    answer = Api(Lists(None)).client.get("/v1/users/ann/recommendations")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "millrace worker" in answer.json()["remedy"]


def test_while_redis_is_away_the_answer_is_503_and_does_not_tell_where_it_is(api: Api) -> None:
    api.lists.available = False
    answer = api.client.get("/v1/popular")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "secret-host" not in answer.text
