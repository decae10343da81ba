"""The console in a real browser, on a real worker: what it shows, that it moves, and what people do with it."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.stack import SEEN_SECONDS, Stack
from tests.support.waiting import wait_until

FRESH_SECONDS = 2.0
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>{{7*7}}'

pytestmark = pytest.mark.timeout(180)


def number(page: Page, tile: str) -> float:
    """What a tile shows."""
    text = page.locator(f'[data-tile="{tile}"] .value').inner_text()
    return float(text.replace(",", "")) if text[0].isdigit() else float("nan")


def ids(page: Page) -> list[str]:
    """The items of the list that is shown."""
    return [row.get_attribute("data-id") or "" for row in page.locator("tr[data-id]").all()]


def a_user_with_a_list(stack: Stack, user: str) -> None:
    items = [item["item_id"] for item in httpx.get(f"{stack.api.url}/v1/popular").json()["items"]]
    stack.post(*({"user_id": user, "item_id": item, "event": "purchase"} for item in items[:2]))
    wait_until(lambda: stack.items_of(user), SEEN_SECONDS, f"{user} has a list")


def test_the_overview_moves(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(stack.console)
    wait_until(lambda: number(page, "events") > 50, SEEN_SECONDS, "events flow")
    wait_until(lambda: number(page, "hits") > 0, SEEN_SECONDS, "lists are hit")
    first = number(page, "known")
    expect(page.locator("canvas")).to_have_count(4)
    expect(page.get_by_role("row", name="127.0.0.1")).to_contain_text("ready")
    stack.post(*({"user_id": f"newcomer-{n}", "item_id": "85123A", "event": "purchase"} for n in range(5)))
    wait_until(lambda: number(page, "known") >= first + 5, SEEN_SECONDS, "users who are new are counted")
    page.get_by_text("As a table").first.click()
    rows = page.locator("figure").first.locator("tbody tr")
    newest = rows.first.inner_text()
    wait_until(lambda: rows.first.inner_text() != newest, SEEN_SECONDS, "the table goes on")


def test_a_list_changes_within_two_seconds_of_an_event_that_is_posted_from_the_page(
    stack: Stack, open_page: OpenPage
) -> None:
    a_user_with_a_list(stack, "ann")
    page = open_page(f"{stack.console}#/user/ann")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    wait_until(lambda: ids(page), SEEN_SECONDS, "the list is shown")
    before = ids(page)
    page.get_by_label("Item id", exact=True).fill(before[4])
    page.get_by_label("Kind").select_option("purchase")
    page.get_by_role("button", name="Post").click()
    posted_at = time.monotonic()
    wait_until(lambda: ids(page) != before, FRESH_SECONDS, "the list on the page is another one")
    assert time.monotonic() - posted_at < FRESH_SECONDS
    expect(page.locator("#outcome")).to_contain_text(re.compile(r"changed after [01]\.\d\d s"))


def test_why_an_item_is_there_opens_below_it_and_stays_open_as_the_list_moves(
    stack: Stack, open_page: OpenPage
) -> None:
    a_user_with_a_list(stack, "bob")
    page = open_page(f"{stack.console}#/user/bob")
    opener = page.get_by_role("button", name="Why, and feedback").nth(2)
    opener.click()
    panel = page.locator(".panel")
    expect(panel.get_by_role("table", name="Experts' shares")).to_be_visible()
    before = ids(page)
    panel.get_by_role("button", name="Purchase").click()
    wait_until(lambda: ids(page) != before, SEEN_SECONDS, "the list moves")
    if panel.count():  # unless the item left the list
        expect(panel.get_by_role("heading", name="Why it is there")).to_be_visible()


def test_an_item_that_is_blocked_on_the_page_of_rules_disappears_from_a_list(stack: Stack, open_page: OpenPage) -> None:
    a_user_with_a_list(stack, "dan")
    blocked = stack.items_of("dan")[1]
    watching, page = open_page(f"{stack.console}#/user/dan"), open_page(f"{stack.console}#/rules")
    expect(watching.locator(f'tr[data-id="{blocked}"]')).to_be_visible()
    page.get_by_label("Item or category").fill(blocked)
    page.get_by_label("Author").fill("kim")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("row", name=re.compile(f"Block.*{blocked}"))).to_be_visible()
    expect(watching.locator(f'tr[data-id="{blocked}"]')).to_have_count(0)
    page.get_by_role("button", name=f"Take back: Block {blocked}").click()
    expect(page.get_by_text("No rules")).to_be_visible()


def test_what_is_reported_from_the_page_comes_to_review(stack: Stack, open_page: OpenPage) -> None:
    a_user_with_a_list(stack, "fay")
    item = stack.items_of("fay")[1]
    page = open_page(f"{stack.console}#/user/fay")
    page.locator(f'tr[data-id="{item}"]').get_by_role("button").click()
    page.get_by_role("button", name="Report", exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("the list changed after")
    expect(page.locator(f'tr[data-id="{item}"]')).to_have_count(0)
    review = open_page(f"{stack.console}#/review")

    def waits() -> bool:
        review.reload()
        expect(review.locator("main")).not_to_contain_text("Loading …")
        return review.get_by_role("listitem").filter(has_text=f"{item}Reports: 1.").count() > 0

    wait_until(waits, SEEN_SECONDS, "the item waits for a review")


def test_titles_from_outside_stay_text(stack: Stack, open_page: OpenPage) -> None:
    a_user_with_a_list(stack, "eve")
    item = stack.items_of("eve")[0]
    httpx.put(f"{stack.api.url}/v1/items/{item}", json={"title": HOSTILE}).raise_for_status()
    page = open_page(f"{stack.console}#/user/eve")
    expect(page.locator("tr[data-id] th a", has_text="onerror")).to_have_text(HOSTILE)
    page.get_by_role("button", name="Why, and feedback").first.click()
    for address in (f"#/user/{'%3Cimg%20src=x%20onerror=hit=1%3E'}", "#/item/%3Cscript%3Ehit=1%3C%2Fscript%3E"):
        page.goto(f"{stack.console}{address}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("hit=1")
    assert page.evaluate("window.hit") is None
    assert page.locator("main img, main script").count() == 0


def test_everything_is_done_by_keyboard(stack: Stack, open_page: OpenPage) -> None:
    a_user_with_a_list(stack, "kim")
    page = open_page(stack.console)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    press_until(page, "Tab", "Users")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Users")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("kim")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="User kim")).to_be_focused()
    wait_until(lambda: ids(page), SEEN_SECONDS, "the list is shown")
    press_until(page, "Tab", "⋯")
    page.keyboard.press("Enter")
    expect(page.locator(".panel")).to_be_visible()
    press_until(page, "Tab", "Purchase")
    before = ids(page)
    page.keyboard.press("Enter")
    wait_until(lambda: ids(page) != before, SEEN_SECONDS, "the event from the keyboard moves the list")
    assert page.evaluate("document.activeElement !== document.body"), "the focus is not lost as the list moves"


def press_until(page: Page, key: str, text: str) -> None:
    """Presses the key until what has the focus says so."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(f"{text!r} is not reached by {key}")


def test_the_language_and_the_theme_are_chosen_and_kept(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(stack.console, language="zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("总览")
    assert page.evaluate("document.documentElement.lang") == "zh"
    page.get_by_label("语言").select_option("en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_label("Theme").select_option("dark")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_a_server_that_is_away_is_told_and_found_again(stack: Stack, open_page: OpenPage) -> None:
    a_user_with_a_list(stack, "ann")
    page = open_page(stack.console)
    expect(page.locator(".status")).to_have_text("Live: every second")
    page.context.set_offline(True)
    page.evaluate("location.hash = '#/user/ann'")
    expect(page.get_by_text("The server does not answer").first).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    wait_until(lambda: ids(page), SEEN_SECONDS, "it goes on once the server is there again")
