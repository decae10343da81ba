"""The console's files: what comes with them, and that nothing else is reached."""

import re
from pathlib import Path

import pytest

from tests.support.api import Api, Lists, made_list

API = Api(Lists(made_list("p")), api__read_keys="read-key-0123456789")
FOLDER = Path(__file__).parents[3] / "worker" / "console"


def test_the_console_needs_no_key_and_lets_no_foreign_script_in() -> None:
    answer = API.client.get("/console")
    assert answer.url.path == "/console/"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_the_browser_has_is_not_sent_again() -> None:
    first = API.client.get("/console/app.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = API.client.get("/console/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert API.client.get("/console/style.css", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "../settings.py", "..%2fsettings.py", "%2e%2e/api/keys.py", "pages"])
def test_nothing_but_its_files_is_reached(name: str) -> None:
    answer = API.client.get(f"/console/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_it_can_be_switched_off() -> None:
    assert Api(Lists(made_list("p")), api__console=False).client.get("/console/").status_code == 404


def test_every_file_is_served() -> None:
    for path in (path for path in FOLDER.rglob("*") if path.is_file()):
        answer = API.client.get(f"/console/{path.relative_to(FOLDER).as_posix()}")
        assert answer.content == path.read_bytes(), path


def test_nothing_comes_from_elsewhere() -> None:
    own = [path for path in FOLDER.rglob("*") if path.is_file() and "vendor" not in path.parts]
    foreign = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z]+\.[a-z]")
    assert [path.name for path in own if foreign.search(path.read_text("utf-8"))] == []


def test_texts_are_never_read_as_markup() -> None:
    own = [path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts]
    assert own
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function")
    assert [path.name for path in own if markup.search(path.read_text("utf-8"))] == []
