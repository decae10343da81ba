"""Reasons in words, in each language."""

from string import Formatter

import pytest

from models.registry import ALL_EXPERTS
from worker.events import EXPLORATION, PINNED, Mover, Reason
from worker.settings import DEFAULT_KINDS
from worker.texts.languages import Language
from worker.texts.sentences import TEXTS, Sentences

TITLES = {"tea": "Teapot", "cup": "Cup", "pan": "Pan", "odd": "{0} %s"}


def sentences(language: Language = Language.ENGLISH) -> Sentences:
    return Sentences(language, lambda item_id: TITLES.get(item_id, item_id))


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("language", Language)
def test_all_languages_have_the_same_keys_and_placeholders(language: Language) -> None:
    english, other = TEXTS[Language.ENGLISH], TEXTS[language]
    assert list(other) == list(english)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }
    assert all(text.strip() for text in other.values())


@pytest.mark.parametrize("language", Language)
def test_every_expert_rule_and_weighty_kind_has_words(language: Language) -> None:
    assert TEXTS[language].keys() >= {*ALL_EXPERTS, EXPLORATION, PINNED}
    kinds = {f"event.{kind}" for kind, weight in DEFAULT_KINDS.items() if weight > 0}
    assert TEXTS[language].keys() >= kinds


def test_an_unknown_expert_goes_by_its_name() -> None:
    assert sentences().reason(Reason("new_expert", "tea")) == "new_expert"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            Language.ENGLISH,
            "Goes with Teapot; by the rule r1; because you bought Teapot, viewed Cup and had Pan; "
            "in the long run 1.2% of all events; lately 2.5 times as much.",
        ),
        (
            Language.CHINESE,
            "与「Teapot」很搭配；依据规则 r1；因为你买过「Teapot」，浏览过「Cup」，也选过「Pan」；"  # noqa: RUF001
            "长期占全部事件的 1.2%；近期热度是平时的 2.5 倍。",  # noqa: RUF001
        ),
    ],
)
def test_a_sentence_says_all_that_is_known(language: Language, words: str) -> None:
    moved = (Mover("tea", "purchase", 0.5), Mover("cup", "view_item", 0.25), Mover("pan", "steamed", 0.1))
    reason = Reason("similar", "tea", moved_by=moved, popularity=0.0123, trend=2.5, rule="r1")
    assert sentences(language).sentence("pot", reason) == words


def test_the_item_itself_is_not_named_again() -> None:
    moved = (Mover("tea", "purchase", 0.5), Mover("cup", "", 0.25))
    told = sentences().sentence("tea", Reason("repeat_count", moved_by=moved))
    assert told == "Had often; because you bought it and had Cup."


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.ENGLISH, "Had often; because you bought Teapot and Pan and viewed Cup."),
        (Language.CHINESE, "你经常选；因为你买过「Teapot」和「Pan」，也浏览过「Cup」。"),  # noqa: RUF001
    ],
)
def test_what_was_done_alike_is_said_once(language: Language, words: str) -> None:
    moved = (Mover("tea", "purchase", 0.5), Mover("cup", "view_item", 0.25), Mover("pan", "purchase", 0.1))
    assert sentences(language).sentence("pot", Reason("repeat_count", moved_by=moved)) == words


def test_a_third_item_is_said_as_well() -> None:
    moved = (Mover("tea"), Mover("cup"), Mover("pan"))
    told = sentences().sentence("pot", Reason("repeat_count", moved_by=moved))
    assert told == "Had often; because you had Teapot, Cup and Pan."


def test_without_more_than_the_short_reason_there_is_no_sentence() -> None:
    assert sentences().sentence("tea", Reason("similar", "cup")) == ""


def test_braces_in_titles_and_large_numbers_stay_as_they_are() -> None:
    told = sentences().sentence("cup", Reason("next", "odd", popularity=1.0, trend=123.4))
    assert told == "Often comes right after {0} %s; in the long run 100% of all events; lately 123 times as much."
