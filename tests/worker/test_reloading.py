"""Which settings may change while a worker runs."""

from typing import Any

from worker.reloading import reloaded
from worker.settings import Settings, load


def settings(**overrides: Any) -> Settings:
    return load(overrides={name.replace("__", "."): value for name, value in overrides.items()}, environment={})


def test_what_may_change_is_taken_over_and_the_rest_waits() -> None:
    wanted = settings(log__level="debug", snapshots__interval_seconds=7, kafka__group_id="another", lists__size=10)
    found = reloaded(settings(), wanted)
    assert sorted(found.changed) == ["log.level", "snapshots.interval_seconds"]
    assert sorted(found.waiting) == ["kafka.group_id", "lists.size"]
    assert (found.settings.log.level, found.settings.snapshots.interval_seconds) == ("debug", 7)
    assert (found.settings.kafka.group_id, found.settings.lists.size) == ("millrace", 20)


def test_the_same_settings_change_nothing() -> None:
    found = reloaded(settings(), settings())
    assert (found.settings, found.changed, found.waiting) == (settings(), [], [])


def test_rules_that_ask_for_the_catalogue_where_none_did_wait_for_a_restart() -> None:
    found = reloaded(settings(), settings(lists__allowed_categories="tea", lists__popular_interval_seconds=9))
    assert found.changed == []
    assert found.waiting == ["lists.popular_interval_seconds", "lists.allowed_categories"]
    among_categories = settings(lists__allowed_categories="tea"), settings(lists__allowed_categories="tea,milk")
    assert reloaded(*among_categories).changed == ["lists.allowed_categories"]
