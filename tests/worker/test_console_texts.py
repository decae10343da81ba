"""The console's texts: the same keys and placeholders in each language, all that pages ask for, and nothing else."""

import json
import re
from pathlib import Path

import pytest

from models.explaining import PARTS
from models.registry import ALL_EXPERTS
from worker.events import EXPLORATION, PINNED, Reject
from worker.observers import Drift
from worker.settings import EventSettings

FOLDER = Path(__file__).parents[2] / "worker" / "console"
LANGUAGES = sorted(path.stem for path in (FOLDER / "texts").glob("*.js"))
ENTRY = re.compile(r'^  ("(?:[^"\\]|\\.)+"):\s*\n?\s*("(?:[^"\\]|\\.)*"),$', re.MULTILINE)
PLACEHOLDER = re.compile(r"\{\w+\}")
ASKED = re.compile(r'\bt\((?:"([\w.-]+)"|`([\w.-]*)\$)')
HANDED_ON = ("expert.", "part.", "reject.", "signal.")  # prefixes that one function gives to another
LOOKED_UP = re.compile(r'\bknown\("(\w+)"')


def texts(language: str) -> dict[str, str]:
    content = (FOLDER / "texts" / f"{language}.js").read_text("utf-8")
    found = {json.loads(key): json.loads(text) for key, text in ENTRY.findall(content)}
    assert len(found) == len(re.findall(r'^  "', content, re.MULTILINE)), "an entry cannot be read, or stands twice"
    return found


def scripts() -> str:
    paths = [*FOLDER.glob("*.js"), *(FOLDER / "pages").glob("*.js")]
    return "\n".join(path.read_text("utf-8") for path in paths)


def test_languages_have_the_same_keys_with_the_same_placeholders() -> None:
    assert LANGUAGES == ["en", "zh"]
    english, chinese = texts("en"), texts("zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(chinese[key])), key


def test_every_text_that_a_page_asks_for_is_there() -> None:
    keys = texts("en").keys()
    for whole, start in ASKED.findall(scripts()):
        assert whole in keys or (start and any(key.startswith(start) for key in keys)), whole or start


def test_no_text_is_left_that_nobody_asks_for() -> None:
    asked = ASKED.findall(scripts())
    whole = {key for key, _ in asked} | set(re.findall(r'"([\w-]+\.[\w.-]+)"', scripts()))
    starts = tuple(start for _, start in asked if start)
    looked_up = tuple(f"{prefix}." for prefix in LOOKED_UP.findall(scripts()))
    found = (*starts, *looked_up, *HANDED_ON)
    assert [key for key in texts("en") if key not in whole and not key.startswith(found)] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("reject", list(Reject)),
        ("signal", list(Drift)),
        ("expert", [*ALL_EXPERTS, EXPLORATION, PINNED]),
        ("part", PARTS),
        ("kind", list(EventSettings().kinds)),
    ],
)
def test_what_workers_name_has_a_text(language: str, prefix: str, names: list[str]) -> None:
    assert {f"{prefix}.{name}" for name in names} - texts(language).keys() == set()


def test_chinese_is_chinese() -> None:
    untranslated = {key for key, text in texts("zh").items() if text == texts("en")[key]}
    assert untranslated == {"unit.percent"}
