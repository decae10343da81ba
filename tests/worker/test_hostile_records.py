"""Records of all formats in which any one part was exchanged for something that does harm."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.documents import SOUND
from tests.support.records import records
from worker.settings import EventSettings
from worker.steps.decode import Decoder

HOSTILE = (
    *(
        b"1e308",
        b"-1e308",
        b"1e400",
        b"1.5",
        b"NaN",
        b"-Infinity",
        b'"nan"',
        b'"1e999"',
        b"null",
        b"true",
        b"[]",
        b"{}",
    ),
    *(
        b"-9223372036854775808",
        b"18446744073709551615",
        b"9" * 5000,
        b'"' + b"9" * 5000 + b'"',
        b'"' + b"x" * 9999 + b'"',
    ),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b'"', b'1,"user_id":2'),
)
MARK = "HERE"


def marked(part: Any) -> Iterator[Any]:
    """The document once for each of its parts, with a mark in place of it."""
    yield MARK
    places = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for place, inner in places:
        for changed in marked(inner):
            copy = part.copy()
            copy[place] = changed
            yield copy


@pytest.mark.parametrize("name", SOUND)
def test_a_record_that_is_made_to_do_harm_is_decoded_or_rejected_and_its_neighbours_are_read(name: str) -> None:
    decoder = Decoder(EventSettings.model_validate({"format": name}))
    sound = json.dumps(SOUND[name]).encode()
    assert decoder.decode(0, records([sound])).offsets.tolist() == [0]
    for document in marked(SOUND[name]):
        for value in HOSTILE:
            hostile = json.dumps(document).encode().replace(f'"{MARK}"'.encode(), value)
            decoded = decoder.decode(0, records([sound, hostile, sound]))
            assert {0, 2} <= set(decoded.offsets.tolist())
            assert 1 in decoded.offsets or 1 in [rejection.offset for rejection in decoded.rejections]
