"""`millrace explain` on a real Valkey."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from worker.adapters.redis_lists import RedisLists
from worker.cli import app
from worker.errors import MillraceError
from worker.events import EXPLORATION, Mover, Reason, RecentEvent, RecommendationList, position_text
from worker.settings import ListSettings, RedisSettings

REASON = Reason(
    "similar",
    "z",
    shares={"similar": 0.75, "vector": 0.25},
    parts={"mixture": -1.5, "bias": 0.25},
    moved_by=(Mover("z", "purchase", 0.5), Mover("y", share=0.25)),
    popularity=0.0125,
    trend=2.5,
)


@pytest.fixture
def lists(redis_url: str, no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisLists]:
    """A Redis that the settings name, with a list that is explained, one that is not, and the popular one."""
    monkeypatch.setenv("MILLRACE_REDIS__URL", redis_url)
    plain = Reason("similar", "z")
    with closing(RedisLists(RedisSettings(url=SecretStr(redis_url)), ListSettings())) as sink:
        reasons, recent = [REASON, Reason(EXPLORATION, propensity=0.5)], (RecentEvent("z", 900, "purchase"),)
        position = position_text(1, 5)
        sink.publish(
            {
                "ann": RecommendationList(position, ["a", "new"], [0.5, 0.0], reasons, "m1", 1_000, recent),
                "old": RecommendationList(position, ["a"], [0.5], [plain], "m1", 1_000),
            }
        )
        sink.publish_popular(RecommendationList("", ["b"], [0.1], [Reason("popular_slow")], "m1", 1_000))
        yield sink


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def test_an_item_is_shown_with_all_that_is_known_of_it(lists: RedisLists, tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("item_id,title\na,Apple [red]\nz,Zebra\n")
    result = invoke("ann", "a", "--items", str(items))
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines[0].startswith("The list of ann, ")
    assert lines[1] == "1. Apple [red] (a), score 0.5000"
    assert lines[2].startswith("Goes with Zebra; because you bought Zebra and had y; in the long run 1.2% of")
    cells = [line.split() for line in lines]
    assert ["similar", "75.0%", "█" * 15, "mixture", "-1.500"] in cells
    assert ["in", "sum", "-1.250"] in cells
    assert ["z", "Zebra", "purchase", "50.0%"] in cells
    assert lines[-1] == "In the long run 1.250% of all events, lately 2.50 times as much."


def test_programs_get_the_item_in_the_form_of_the_list(lists: RedisLists) -> None:
    told = json.loads(invoke("ann", "a", "--json", "--language", "zh").stdout)
    assert (told["user_id"], told["personal"], [each["item_id"] for each in told["items"]]) == ("ann", True, ["a"])
    assert told["items"][0]["reason"] == "与「z」很搭配"
    assert told["items"][0]["moved_by"][0] == {"item_id": "z", "title": "z", "share": 0.5, "event": "purchase"}
    assert told["recent"] == [{"item_id": "z", "title": "z", "ts": 900, "event": "purchase"}]


def test_an_explored_item_says_that_it_is_one(lists: RedisLists) -> None:
    result = invoke("ann", "new")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "new, and nobody knows yet who likes it"


@pytest.mark.parametrize(
    ("user", "item", "error", "remedy"),
    [
        ("ann", "b", "b is not in the list of ann", "millrace recommend ann"),
        ("old", "a", "the list of old was published without explanations", "lists.explanations = true"),
        ("bob", "a", "a is not in the popular list, which bob gets", "millrace recommend bob"),
        ("bob", "b", "bob has no list yet, and the popular list holds b", "once there are events"),
    ],
)
def test_what_cannot_be_explained_is_an_error_that_says_why(
    lists: RedisLists, user: str, item: str, error: str, remedy: str
) -> None:
    found = invoke(user, item).exception
    assert isinstance(found, MillraceError)
    assert (error in str(found), remedy in found.remedy, found.exit_code) == (True, True, 1)
