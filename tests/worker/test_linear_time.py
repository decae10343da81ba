"""Decoding costs no more than in proportion to the size, whatever the record is made of.

Compared are CPU seconds of sizes n and 8n in one run, the least of several: 8 is linear, 64 quadratic.
"""

import gc
import json
import time
from collections.abc import Callable

import pytest

from tests.support.documents import SOUND
from tests.support.records import records
from worker.adapters.memory import MemoryTable
from worker.catalogue import Catalogue
from worker.contents import decoded
from worker.errors import SnapshotError
from worker.manifest import decode_manifest
from worker.ports import ManifestName
from worker.settings import EventSettings
from worker.steps.decode import Decoder

Decode = Callable[[bytes], object]
Shape = Callable[[int], bytes]

SMALL_BYTES, TIMES = 8_000, 8
MOST_RATIO = 24.0
REPEATS = 3
LEAST_SECONDS = 0.002  # below it, what a call costs at any size would hide the growth


def filled(text: str) -> Shape:
    """A sound record with so many bytes of this text in a field that is not read."""
    return lambda size: b'{"more":"' + text.encode() * (size // len(text)) + b'",' + json.dumps(SOUND).encode()[1:]


SHAPES: dict[str, Shape] = {
    "nested arrays": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "nested objects": lambda size: b'{"a":' * (size // 6) + b"1" + b"}" * (size // 6),
    "digits": lambda size: b'{"user_id":' + b"9" * size + b"}",
    "digits of a fraction": lambda size: b'{"value":0.' + b"9" * size + b"}",
    "digits of an exponent": lambda size: b'{"value":1e' + b"0" * size + b"1}",
    "digits as text": lambda size: b'{"timestamp_micros":"' + b"9" * size + b'","quantity":"' + b"9" * size + b'"}',
    "escapes": filled("\\u0041"),
    "backslashes": filled("\\\\"),
    "many keys": lambda size: b"{" + b",".join(b'"%d":1' % key for key in range(size // 9)) + b"}",
    "one key again and again": lambda size: b"{" + b",".join([b'"user_id":"u"'] * (size // 14)) + b"}",
    "a long id": lambda size: json.dumps({"user_id": "x" * size, "item_id": "y" * size, "event": "view_item"}).encode(),
    "a long unknown kind": lambda size: json.dumps({"user_id": "u", "item_id": "i", "event": "e" * size}).encode(),
    "white space": lambda size: b'{"user_id":' + b" " * size + b'"u","item_id":"i","event":"view_item"}',
    "white space at the end": lambda size: b"{}" + b" \t" * (size // 2) + b"x",
    "line breaks": lambda size: b"\n" * size,
    "lines": lambda size: b"\n".join([b'{"user_id":"u","item_id":"i","event":"view_item"}'] * (size // 50)),
    "broken lines": lambda size: b"\n".join([b"{}", b'{"user_id":7}', b"x"] * (size // 20)),
    "many products": lambda size: (
        b'{"events":[{"name":"view_item","params":{"items":['
        + b",".join([b'{"item_id":"i"}'] * (size // 16))
        + b']}}],"client_id":"u"}'
    ),
    "brackets in text": filled("[{"),
    "no UTF-8": lambda size: b'{"user_id":"' + b"\xff" * size + b'"}',
}


def event_decoder(name: str) -> Decode:
    decoder = Decoder(EventSettings.model_validate({"format": name}))
    return lambda content: decoder.decode(0, records([content, content[:1]]))


def catalogue(content: bytes) -> object:
    source = MemoryTable()
    source.put("i1", content)
    return Catalogue(source).refresh()


def manifest(content: bytes) -> object:
    return decode_manifest(ManifestName("w1", 1), content)


def blob(content: bytes) -> object:
    try:
        return decoded(len(content).to_bytes(8, "little") + content, "0" * 64)
    except SnapshotError as error:
        return error


DECODERS: dict[str, Decode] = {
    **{name: event_decoder(name) for name in SOUND},
    "catalogue": catalogue,
    "manifest": manifest,
    "blob": blob,
}


def cpu_seconds(decode: Decode, content: bytes) -> float:
    began = time.process_time()
    decode(content)
    return time.process_time() - began


def growth(decode: Decode, shape: Shape) -> float:
    """How many times as long eight times the size takes; both are measured in turns, so that neither has worse luck."""
    small, large = shape(SMALL_BYTES), shape(TIMES * SMALL_BYTES)
    gc.collect()
    pairs = [(cpu_seconds(decode, small), cpu_seconds(decode, large)) for _ in range(REPEATS)]
    least_small, least_large = min(small for small, _ in pairs), min(large for _, large in pairs)
    return least_large / max(least_small, LEAST_SECONDS / TIMES)


@pytest.mark.parametrize("name", DECODERS)
def test_the_cost_of_decoding_grows_in_proportion_at_most(name: str) -> None:
    ratios = {shape: growth(DECODERS[name], make) for shape, make in SHAPES.items()}
    assert {shape: ratio for shape, ratio in ratios.items() if ratio > MOST_RATIO} == {}


def quadratic(content: bytes) -> object:
    """Reads all that is left, at every 256th byte."""
    return sum(byte == 32 for start in range(0, len(content), 256) for byte in content[start:])


def test_a_decoder_of_quadratic_cost_would_be_found() -> None:
    assert growth(quadratic, SHAPES["white space"]) > MOST_RATIO
