"""Takes the pictures of docs/console.md, of the real stack: `python -m tests.browser.screenshots`."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page

from tests.browser.chromium import launched
from tests.browser.stack import Stack, running_stack
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer

FOLDER = Path(__file__).parents[2] / "docs" / "images"
EVENTS_PER_SECOND = 300.0
LOOK_SECONDS = 30.0  # so that charts have something to show
USER = "17850"


def main() -> None:
    """Writes them all."""
    FOLDER.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        KafkaBroker() as kafka,
        ValkeyServer() as valkey,
        running_stack(kafka, valkey, Path(folder), EVENTS_PER_SECOND) as stack,
        launched() as browser,
    ):
        overview = opened(browser, stack, "", "light")
        user = opened(browser, stack, f"user/{USER}", "dark")
        phone = opened(browser, stack, f"user/{USER}", "light", width=390, language="zh-CN")
        time.sleep(LOOK_SECONDS)
        overview.screenshot(path=FOLDER / "console-overview.png")
        phone.screenshot(path=FOLDER / "console-phone.png")
        user.get_by_role("button", name="Why, and feedback").nth(1).click()
        user.locator(".panel table").first.wait_for()
        user.screenshot(path=FOLDER / "console-user.png")


def opened(browser: Browser, stack: Stack, place: str, theme: str, width: int = 1200, language: str = "en-GB") -> Page:
    """A page, at its place."""
    context = browser.new_context(
        viewport={"width": width, "height": 820},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{stack.console}#/{place}")
    return page


if __name__ == "__main__":
    main()
