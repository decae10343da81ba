"""Documents: what is said of items, manifests, lists that stand in Redis, files of settings."""

import json
from math import isfinite
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np

from models.recommender import Recommender, RecommenderOptions
from tests.fuzz.target import Target, explained, scratch_folder
from tests.fuzz.words import words_of
from worker.adapters.memory import MemoryTable
from worker.adapters.redis_lists import RedisLists
from worker.catalogue import Catalogue
from worker.describing import description_of
from worker.errors import ConfigurationError, SnapshotError, StateError
from worker.events import Item, Mover, Reason, RecentEvent, RecommendationList, position_text
from worker.manifest import FORMAT, Manifest, PartitionEntry, decode_manifest
from worker.ports import ManifestName
from worker.rules import ListRules
from worker.settings import ListSettings, RedisSettings, load

NAME = ManifestName("w1", 1)
ITEM = Item("i1", "Tea", "drinks, hot", ("green",), "Leaves.", 3.5, True, "Anne B", (0.5, 0.5))
MANIFEST = Manifest(FORMAT, "a" * 64, {0: PartitionEntry(1, 7, "b" * 64, "m", "t")}, {1: PartitionEntry(1, 7, "")}, 1)
REASON = Reason("popular", "i2", 0.5, {"a": 1.0}, {"b": 0.5}, (Mover("i2", "purchase", 0.5),), 0.25, 2.0, "r1")
LIST = RecommendationList(position_text(1, 7), ["i1"], [0.5], [REASON], "m", 1, (RecentEvent("i2", 1, "purchase"),))
TABLES = (b"[kafka]\n", b"[lists]\n", b"[events.kinds]\n", b"[memory]\n", b"[clean]\n", b"group_id = ", b"size = ")
VALUES = (
    b'"""',
    b"1979-05-27T07:32:00Z",
    b"inf",
    b"nan",
    b"[[a]]",
    b"{a = {b = 1}}",
    b"0x7fffffffffffffffff",
    b"1e400",
)


def catalogue_target() -> Target:
    """What is taken can be described and ruled upon."""
    options = RecommenderOptions(max_items=64, max_users=8, experts=("content",), embedding_width=2)
    recommender = Recommender(options)

    def check(content: bytes) -> None:
        source = MemoryTable()
        source.put("i1", content)
        catalogue = Catalogue(source, ListRules(ListSettings(min_price=1, blocked_categories=("x",))))
        listings, rejections = catalogue.refresh()
        assert len(listings) + len(rejections) == 1, "it is neither taken nor rejected"
        assert all(each.detail.encode() for each in rejections), "a rejection without a reason"
        for item in catalogue.items.values():
            assert item.price is None or isfinite(item.price), "a price that is no number"
            assert 0 < len(item.item_id) <= 128, "an id over the limit"
            recommender.describe_items([description_of(item)])
        assert np.isfinite(recommender.knowledge.content.weights).all(), "a weight that is no number"
        assert np.isfinite(recommender.knowledge.content.embeddings).all(), "an embedding that is no number"

    return Target(check, [msgspec.json.encode(ITEM)], words_of(Item))


def manifest_target() -> Target:
    """What is taken names blobs and positions that can be."""

    def check(content: bytes) -> None:
        try:
            manifest = decode_manifest(NAME, content)
        except SnapshotError as error:
            explained(error, "has format")
            return
        if manifest is not None:
            assert all(0 <= number < 2**31 for number in manifest.entries()), "a partition that cannot be"
            assert all(0 <= each.next_offset < 2**63 for each in manifest.entries().values()), "no offset"
            positions = [position_text(1 + each.epoch, each.next_offset) for each in manifest.entries().values()]
            assert all(len(each) == len(LIST.position) for each in positions), "positions do not compare as text"
            assert msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest) == manifest

    return Target(check, [msgspec.json.encode(MANIFEST)], words_of(Manifest))


def list_target() -> Target:
    """What stands in Redis where a list should."""
    lists = RedisLists(RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0"}), ListSettings())

    def check(content: bytes) -> None:
        cast("Any", lists)._client = SimpleNamespace(get=lambda _: content)
        try:
            found = lists.read("u1")
        except StateError as error:
            explained(error, "holds no list")
            return
        assert found, "a list became nothing"
        assert len(found.items) == len(found.scores) == len(found.reasons), "parts of different lengths"

    return Target(check, [msgspec.json.encode(LIST)], words_of(RecommendationList))


def settings_target() -> Target:
    """A file of settings: taken whole, or refused with what is wrong."""
    file = scratch_folder() / "millrace.toml"

    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            load(file, environment={})
        except ConfigurationError as error:
            explained(error)

    seed = b'[kafka]\ngroup_id = "g"\npartitions = 8\n\n[events.kinds]\nview_item = 0.5\n\n[lists]\nsize = 20\n'
    return Target(check, [seed, json.dumps({}).encode()], [*TABLES, *VALUES])
