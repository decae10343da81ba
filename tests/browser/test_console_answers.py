"""Pages whose routes are answered by the test: what they ask for, what they show, and how they say what went wrong."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import serious_violations
from tests.browser.conftest import OpenPage
from tests.support.api import Api, Lists, made_list
from tests.support.api_server import running

HOSTILE = "<b onclick=hit()>Tea</b>"
KEY = "read-key-0123456789"

Answer = tuple[int, Any]
Asked = list[tuple[str, str, Any]]


def shown(*items: str) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "item_id": item,
            "title": f"Title {item}",
            "score": 1 / rank,
            "expert": "similar",
            "reason": "why",
        }
        for rank, item in enumerate(items, start=1)
    ]


@pytest.fixture
def url() -> Iterator[str]:
    """The console before an API in memory."""
    with running(Api(Lists(made_list("p", "q")), api__read_keys="")) as found:
        yield f"{found}/console/"


@pytest.fixture
def answered(url: str, open_page: OpenPage) -> Callable[..., tuple[Page, Asked]]:
    """Opens a page; `answers` are by method and path. What was asked of them is noted."""

    def opened(place: str, answers: dict[str, Answer | Callable[[Any], Answer]]) -> tuple[Page, Asked]:
        page, asked = open_page("about:blank"), []
        paths: dict[str, dict[str, Any]] = {each.partition(" ")[2]: {} for each in answers}
        for each in answers:
            method, _, path = each.partition(" ")
            paths[path][method.lower()] = {}
        patterns = {"/v1/items/tea/similar": "/v1/items/{item_id}/similar"}
        document = {"paths": {patterns.get(path, path): methods for path, methods in paths.items()}}

        def answer(route: Route) -> None:
            request = route.request
            path = "/v1/" + request.url.split("/v1/")[1]
            if path == "/v1/openapi.json":
                route.fulfill(json=document)
                return
            found = answers.get(f"{request.method} {path}")
            if found is None:
                route.continue_()
                return
            body = json.loads(request.post_data) if request.post_data else None
            asked.append((request.method, path, body))
            status, content = found(body) if callable(found) else found
            route.fulfill(status=status, json=content)

        page.route("**/v1/**", answer)
        page.goto(f"{url}#/{place}")
        return page, asked

    return opened


def problem(status: int, detail: str, remedy: str = "") -> Answer:
    return status, {"title": "A problem", "status": status, "detail": detail, "remedy": remedy}


def test_a_history_that_is_made_up_leads_to_a_list(answered: Callable[..., tuple[Page, Asked]]) -> None:
    def list_for(body: Any) -> Answer:
        return 200, {"source": "session", "items": shown(*(f"after-{item}" for item in body["history"]))}

    page, asked = answered("what-if", {"POST /v1/sessions/recommendations": list_for})
    field = page.get_by_label("Item id to add")
    for item in ("tea", "cup", "spoon"):
        field.fill(item)
        field.press("Enter")
    expect(page.locator("tr[data-id]")).to_have_count(3)
    page.get_by_role("button", name="Move up: spoon").press("Enter")
    expect(page.locator("tr[data-id]").nth(1)).to_contain_text("after-spoon")
    expect(page.get_by_role("button", name="Move up: spoon")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("tr[data-id]").first).to_contain_text("after-spoon")
    page.get_by_role("button", name="Remove: cup").press("Enter")
    expect(page.locator("tr[data-id]")).to_have_count(2)
    assert asked[-1][2] == {"history": ["spoon", "tea"], "k": 20}
    assert serious_violations(page) == []
    page.get_by_role("button", name="Remove: tea").click()
    page.get_by_role("button", name="Remove: spoon").click()
    expect(page.get_by_text("No history, no list")).to_be_visible()


def test_an_item_shows_what_goes_with_it_and_how_it_fares(answered: Callable[..., tuple[Page, Asked]]) -> None:
    figures = {"popularity": 0.0123, "trend": 1.5, "lists": 42, "events": 1234, "generated_at": 1_700_000_000_000}
    answer = {"item_id": "tea", "title": HOSTILE, **figures, "items": shown("cup", "spoon")}
    page, _ = answered("item/tea", {"GET /v1/items/tea/similar": (200, answer)})
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator("[data-tile=popularity]")).to_contain_text("1.23 %")
    expect(page.locator("[data-tile=trend]")).to_contain_text("rising")
    expect(page.locator("tr[data-id]")).to_have_count(2)
    assert serious_violations(page) == []


def test_an_item_of_which_nothing_is_known_says_so(answered: Callable[..., tuple[Page, Asked]]) -> None:
    page, _ = answered("item/tea", {"GET /v1/items/tea/similar": problem(404, "nothing is known of 'tea'")})
    expect(page.get_by_text("Nothing is known of this item")).to_be_visible()


def test_all_that_is_known_of_a_reason_is_told(answered: Callable[..., tuple[Page, Asked]]) -> None:
    moved_by = [{"item_id": "tea", "title": HOSTILE, "share": 0.25, "event": "purchase"}]
    figures = {"popularity": 0.01, "trend": 2.0, "shares": {"next": 0.75, "basket": 0.25}, "parts": {"bias": -0.5}}
    item = {**shown("p")[0], **figures, "moved_by": moved_by, "rule": "r1", "sentence": "Because of tea."}
    page, _ = answered("user/ann", {"GET /v1/users/ann/explain/p": (200, {"item": item})})
    page.get_by_role("button", name="Why, and feedback").first.click()
    panel = page.locator(".panel")
    expect(panel).to_contain_text("Because of tea.")
    expect(panel.get_by_role("listitem")).to_have_text(f"Purchase {HOSTILE}tea 25.0 %")
    expect(panel.get_by_role("table", name="Experts' shares")).to_contain_text("comes right after")
    expect(panel.get_by_role("table", name="Parts of the score")).to_contain_text("-0.5000")
    expect(panel.locator("dl")).to_contain_text("r1")
    assert serious_violations(page) == []


def test_rules_are_made_listed_and_taken_back(answered: Callable[..., tuple[Page, Asked]]) -> None:
    rules: list[dict[str, Any]] = []

    def make(body: Any) -> Answer:
        rules.append({"id": "r1", **body})
        return 201, rules[-1]

    def take_back(_: Any) -> Answer:
        rules.clear()
        return 200, {}

    page, asked = answered(
        "rules",
        {
            "GET /v1/rules": lambda _: (200, {"rules": rules}),
            "POST /v1/rules": make,
            "DELETE /v1/rules/r1?author=kim": take_back,
        },
    )
    expect(page.get_by_text("No rules")).to_be_visible()
    expect(page.get_by_label("Strength")).to_be_hidden()
    page.get_by_label("Action").select_option("boost")
    page.get_by_label("Item or category").fill("tea")
    page.get_by_label("Strength").fill("3")
    page.get_by_label("Until").select_option("day")
    page.get_by_label("Author").fill("kim")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("row", name="Boost")).to_contain_text("kim")
    made = next(body for method, _, body in asked if method == "POST")
    assert {name: made[name] for name in ("action", "item_id", "strength", "author")} == {
        "action": "boost",
        "item_id": "tea",
        "strength": 3,
        "author": "kim",
    }
    assert made["expires_at"] > 1_700_000_000_000
    assert serious_violations(page) == []
    page.get_by_role("button", name="Take back: Boost tea").click()
    expect(page.get_by_text("No rules")).to_be_visible()


def test_what_was_reported_is_decided(answered: Callable[..., tuple[Page, Asked]]) -> None:
    odd = {"share_of_lists": 0.5, "share_of_events": 0.01}
    cases = [{"item_id": "tea", "title": HOSTILE, "reports": 3, "first_at": 1, "last_at": 2, **odd}]

    def decide(_: Any) -> Answer:
        cases.clear()
        return 200, {}

    page, asked = answered(
        "review", {"GET /v1/review": lambda _: (200, {"items": cases}), "POST /v1/review/tea": decide}
    )
    expect(page.get_by_role("heading", level=2)).to_contain_text(HOSTILE)
    assert serious_violations(page) == []
    expect(page.get_by_role("listitem").filter(has_text="Reports: 3.")).to_contain_text("on 50.0 % of the lists")
    page.get_by_role("button", name="Bury").click()
    expect(page.get_by_label("Author")).to_be_focused()
    page.get_by_label("Author").fill("kim")
    page.get_by_role("button", name="Bury").click()
    expect(page.get_by_text("Nothing to review")).to_be_visible()
    assert [body for method, _, body in asked if method == "POST"] == [{"decision": "bury", "author": "kim"}]


@pytest.mark.parametrize("place", ["rules", "review", "what-if", "item/tea"])
def test_a_page_without_a_route_says_that_this_server_has_none(
    answered: Callable[..., tuple[Page, Asked]], place: str
) -> None:
    page, _ = answered(place, {})
    expect(page.get_by_text("not available from this server")).to_be_visible()


def test_what_goes_wrong_is_told_with_its_remedy_and_tried_again(
    answered: Callable[..., tuple[Page, Asked]],
) -> None:
    answers = iter([problem(503, "what this needs does not answer", "send it again later"), (200, {"rules": []})])
    page, _ = answered("rules", {"GET /v1/rules": lambda _: next(answers)})
    expect(page.get_by_role("alert")).to_contain_text("send it again later")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("No rules")).to_be_visible()


def test_a_key_is_asked_for_kept_in_the_tab_and_sent(open_page: OpenPage) -> None:
    with running(Api(Lists(made_list("p", "q")), api__read_keys=KEY)) as url:
        page = open_page(f"{url}/console/#/user/ann")
        expect(page.get_by_role("dialog", name="API key")).to_be_visible()
        assert serious_violations(page) == []
        page.get_by_label("Key", exact=True).fill(KEY)
        page.keyboard.press("Enter")
        expect(page.locator("tr[data-id]")).to_have_count(2)
        assert page.evaluate("Object.values(sessionStorage)") == [KEY]
        assert KEY not in json.dumps(page.evaluate("({...localStorage})"))
        assert page.context.cookies() == []


def test_an_event_that_kafka_did_not_take_is_told_beside_the_button(open_page: OpenPage) -> None:
    api = Api(Lists(made_list("p")))
    api.records.available = False
    with running(api) as url:
        page = open_page(f"{url}/console/#/user/ann")
        page.get_by_label("Item id", exact=True).fill("p")
        page.get_by_role("button", name="Post").click()
        expect(page.get_by_text("what this needs does not answer")).to_be_visible()
        api.records.available = True
        page.get_by_role("button", name="Post").click()
        expect(page.get_by_text("Purchase · p: taken")).to_be_visible()
    assert len(api.records.written) == 1


def test_the_focus_stays_in_the_list_as_it_moves_and_when_its_item_leaves(open_page: OpenPage) -> None:
    lists = Lists(made_list("p"), ann=made_list("a", "b", "c"))
    with running(Api(lists)) as url:
        page = open_page(f"{url}/console/#/user/ann")
        opener = page.get_by_role("button", name="Why, and feedback: b")
        opener.press("Enter")
        expect(page.locator(".panel")).to_be_visible()
        lists.own["ann"] = made_list("c", "b", "a")
        expect(page.locator("tr[data-id]").first).to_contain_text("c")
        expect(opener).to_be_focused()
        expect(page.locator(".panel")).to_be_visible()
        page.locator("tr[data-id=a] th a").focus()
        lists.own["ann"] = made_list("c", "a", "b")
        expect(page.locator("tr[data-id]").nth(1)).to_contain_text("a")
        expect(page.locator("tr[data-id=a] th a")).to_be_focused()
        page.locator(".panel").get_by_role("button", name="Close").focus()
        lists.own["ann"] = made_list("c", "a")
        expect(page.locator("tr[data-id]")).to_have_count(2)
        expect(page.get_by_role("region", name="List")).to_be_focused()
        expect(page.locator(".panel")).to_have_count(0)
