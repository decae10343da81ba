"""A browser in front of the real stack."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import launched, program
from tests.browser.stack import Stack, running_stack
from tests.support.services import running
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.valkey_server import ValkeyServer

EVENTS_PER_SECOND = 300.0
WAIT_MS = 20_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def own_valkey() -> Iterator[ValkeyServer]:
    """One that other tests do not empty."""
    program()
    yield from running(ValkeyServer())


@pytest.fixture(scope="package")
def stack(kafka: KafkaBroker, own_valkey: ValkeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The real thing, fed with a shop's events."""
    with running_stack(kafka, own_valkey, tmp_path_factory.mktemp("console"), EVENTS_PER_SECOND) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the module: while it runs, nothing else in this thread may run an event loop."""
    with launched() as found:
        yield found


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens an address in a browser of its own; at the end, nothing may have gone wrong in any of their pages."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def opened(address: str, width: int = 1280, theme: str = "light", language: str = "en-GB") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            locale=language,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if _is_fault(message.text) else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def _is_fault(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text
