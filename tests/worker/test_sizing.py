"""`millrace estimate`: what follows from what."""

import json

import pytest
from typer.testing import CliRunner

from worker.budgets import max_items, max_users
from worker.cli import app
from worker.errors import ConfigurationError
from worker.settings import Settings, load
from worker.sizing import Load, estimate


def settings(**overrides: object) -> Settings:
    return load(overrides={name.replace("__", "."): value for name, value in overrides.items()}, environment={})


def test_the_budgets_hold_what_was_asked_for_and_a_quarter_more() -> None:
    found = estimate(Load(100_000, 7_000, 10.0), settings(kafka__partitions=4))
    given = settings(kafka__partitions=4, memory__users_bytes=found.users_bytes, memory__items_bytes=found.items_bytes)
    assert max_users(given) == 31_250
    assert max_items(given) == 8_750


def test_more_events_need_more_workers_which_share_the_users() -> None:
    one = estimate(Load(400_000, 10_000, 9_000.0), settings())
    four = estimate(Load(400_000, 10_000, 36_000.0), settings())
    assert (one.workers, four.workers) == (1, 4)
    assert four.worker_memory_bytes < one.worker_memory_bytes
    assert four.redis_bytes == one.redis_bytes


def test_more_workers_than_partitions_cannot_be() -> None:
    with pytest.raises(ConfigurationError) as raised:
        estimate(Load(1000, 100, 40_000.0), settings(kafka__partitions=4))
    assert "5 partitions or more" in raised.value.remedy


def test_longer_lists_and_ids_take_more_of_redis() -> None:
    short = estimate(Load(1000, 100, 1.0, id_characters=8), settings())
    assert estimate(Load(1000, 100, 1.0), settings()).redis_bytes > short.redis_bytes
    assert estimate(Load(1000, 100, 1.0, id_characters=8), settings(lists__size=40)).redis_bytes > short.redis_bytes


def test_what_goes_with_items_takes_of_redis_too() -> None:
    load_of_one = Load(1000, 100, 1.0)
    none, some = estimate(load_of_one, settings(lists__similar_size=0)), estimate(load_of_one, settings())
    assert some.redis_bytes == none.redis_bytes + 100 * some.redis_similar_bytes > none.redis_bytes


def test_explained_lists_take_as_much_of_redis_as_was_measured() -> None:
    explained = settings(lists__explanations=True)
    found = estimate(Load(1000, 100, 1.0, id_characters=6), explained).redis_list_bytes
    assert found == pytest.approx(10_000, rel=0.15), "docs/lists.md: 9,070 to 10,345 bytes and the key"
    with_events = settings(lists__explanations=True, lists__recent_events=10)
    assert estimate(Load(1000, 100, 1.0, id_characters=6), with_events).redis_list_bytes > found + 300


def test_experts_that_take_part_count() -> None:
    load_of_one = Load(1000, 100, 1.0)
    plain, sequence = estimate(load_of_one, settings()), estimate(load_of_one, settings(experts__sequence=True))
    assert sequence.worker_memory_bytes > plain.worker_memory_bytes + 500_000_000
    assert sequence.items_bytes > plain.items_bytes


def test_nothing_cannot_be_estimated() -> None:
    with pytest.raises(ConfigurationError, match="nothing to estimate"):
        estimate(Load(0, 100, 1.0), settings())


def test_the_command_prints_the_same_for_people_and_for_programs(no_settings_from_outside: None) -> None:
    arguments = ["estimate", "--users", "1000", "--items", "100", "--rate", "5"]
    printed = CliRunner().invoke(app, [*arguments, "--json"]).stdout
    found = json.loads(printed)
    assert found["workers"] == 1
    assert str(found["users_bytes"]) in CliRunner().invoke(app, arguments).stdout
