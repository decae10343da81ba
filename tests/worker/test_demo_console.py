"""The demo's console: where it is, what it is told, and when a browser opens."""

import threading
import webbrowser
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from worker.demo import console
from worker.demo.console import ConsoleServer, console_of, has_display, page_of, shown_in_browser
from worker.demo.follow import Followed
from worker.demo.places import Place
from worker.settings import Settings

DEADLINE_SECONDS = 5.0
ADDRESS = "http://127.0.0.1:1/console/"


def place(folder: Path) -> Place:
    return Place(Settings(), {"kafka.events_topic": "e"}, folder, False, False, False, lambda: None)


def test_the_api_works_on_what_the_demo_works_on(tmp_path: Path) -> None:
    server = ConsoleServer(place(tmp_path), "http://127.0.0.1:9/metrics")
    server._ports = (8123, 8124)
    command = server._command()
    settings = dict(word.split("=", 1) for word in command if "=" in word)
    assert settings["kafka.events_topic"] == "e"
    assert settings["api.workers"] == "http://127.0.0.1:9/metrics"
    assert (settings["api.host"], settings["api.port"], settings["api.health_port"]) == ("127.0.0.1", "8123", "8124")
    assert server.url == "http://127.0.0.1:8123/console/"


def test_without_the_packages_the_demo_goes_on_and_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "NEEDED", ("no_such_package",))
    said: list[str] = []
    with console_of(place(tmp_path), "http://127.0.0.1:9/metrics", said.append) as address:
        assert address == ""
    assert said == [console.HOW_TO_GET_IT]


def test_the_browser_opens_once_at_the_page_of_the_user_who_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    came = threading.Event()
    with shown_in_browser(ADDRESS, lambda: Followed("a/b", 1, 0.0, []) if came.is_set() else None):
        assert opened == []
        came.set()
        wait_until(lambda: opened, DEADLINE_SECONDS, "a browser opens")
    assert opened == [f"{ADDRESS}#/user/a%2Fb"]


def test_a_demo_that_ends_before_anyone_came_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    with shown_in_browser(ADDRESS, lambda: None):
        pass
    assert opened == []


def test_a_page_is_named_by_its_user() -> None:
    assert page_of(ADDRESS, "17850") == f"{ADDRESS}#/user/17850"


@pytest.mark.parametrize(
    ("variables", "there"), [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True)]
)
def test_there_is_a_display_where_variables_name_one(
    variables: dict[str, str], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert has_display() is there
