"""How the demo behaves on services that others use too: it overwrites nobody's lists and takes its own away."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from producers.kafka_writer import remove_topics, standard_topics
from worker.assembly import open_lists
from worker.demo.feed import titles, user_ids
from worker.demo.places import Place
from worker.errors import ConfigurationError


@contextmanager
def tidied(place: Place) -> Iterator[None]:
    """Takes the demo's topics and lists away at the end, and an earlier demo's lists before it.

    Does nothing where all that the demo writes goes anyway, or is to stay. Raises ConfigurationError when Redis holds
    the lists of a shop.
    """
    if not place.borrowed:
        yield
        return
    _refuse_a_shop(place)
    if place.lasting:
        yield
        return
    _remove_lists(place)
    try:
        yield
    finally:
        _remove_lists(place)
        remove_topics(place.settings.kafka, standard_topics(place.settings.kafka))


def _refuse_a_shop(place: Place) -> None:
    with closing(open_lists(place.settings)) as lists:
        popular = lists.read_popular()
    if popular is not None and not set(popular.items) <= titles().keys():
        raise ConfigurationError(
            f"the Redis at {place.redis_address} holds a shop's lists, which the demo would overwrite",
            "name an empty database in MILLRACE_REDIS__URL, or unset both addresses: the demo then brings its own",
        )


def _remove_lists(place: Place) -> None:
    with closing(open_lists(place.settings)) as lists:
        lists.remove(user_ids())
        lists.remove_similar(titles())
        lists.remove_popular()
