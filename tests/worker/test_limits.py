"""Limits of records and ids, at the last size that is taken and the first that is not, in each format."""

import json

import pytest

from tests.support.documents import SOUND
from tests.support.records import records
from worker.events import Reject
from worker.settings import EventSettings
from worker.steps.decode import Decoder


def reasons(name: str, content: bytes, **limits: int) -> list[Reject]:
    decoder = Decoder(EventSettings.model_validate({"format": name, **limits}))
    return [each.reason for each in decoder.decode(0, records([content])).rejections]


@pytest.mark.parametrize("name", SOUND)
def test_a_record_of_the_largest_size_is_taken_and_of_one_byte_more_is_not(name: str) -> None:
    content = json.dumps(SOUND[name]).encode()
    assert reasons(name, content, max_record_bytes=len(content)) == []
    assert reasons(name, content, max_record_bytes=len(content) - 1) == [Reject.TOO_LARGE]


@pytest.mark.parametrize("letter", ["x", "\u00fc", "\U0001f600"])
@pytest.mark.parametrize("identifier", ["u1", "i1"])
@pytest.mark.parametrize("name", SOUND)
def test_an_id_of_the_most_characters_is_taken_and_of_one_more_is_not(name: str, identifier: str, letter: str) -> None:
    text = json.dumps(SOUND[name])
    assert f'"{identifier}"' in text
    for characters, expected in ((9, []), (10, [Reject.BAD_ID])):
        content = text.replace(f'"{identifier}"', f'"{letter * characters}"').encode()
        assert reasons(name, content, max_id_characters=9) == expected
