"""Every page of the console: for everyone's eyes and hands, in both themes, and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import serious_violations
from tests.browser.conftest import OpenPage
from tests.browser.stack import Stack

PHONE_WIDTH = 360
PAGES = ["", "user", "user/17850", "item", "item/22423", "what-if", "rules", "review", "exposure"]

pytestmark = pytest.mark.timeout(180)


def visit(page: Page, name: str) -> None:
    """Goes there, and waits until it shows what it has."""
    page.evaluate("name => { location.hash = `#/${name}`; }", name)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Loading …")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_keeps_anyone_out(stack: Stack, open_page: OpenPage, theme: str) -> None:
    page = open_page(stack.console, theme=theme)
    found: dict[str, list[str]] = {}
    for name in PAGES:
        visit(page, name)
        if name == "user/17850":
            page.get_by_role("button", name="Why, and feedback").first.click()
            expect(page.locator(".panel table").first).to_be_visible()
        found[name] = serious_violations(page)
    assert {name: violations for name, violations in found.items() if violations} == {}


def test_a_phone_shows_all_pages_without_scrolling_sideways(stack: Stack, open_page: OpenPage) -> None:
    page = open_page(stack.console, width=PHONE_WIDTH)
    beyond: dict[str, int] = {}
    for name in PAGES:
        visit(page, name)
        beyond[name] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert beyond == dict.fromkeys(PAGES, 0)
