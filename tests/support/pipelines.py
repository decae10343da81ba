"""A pipeline on adapters in memory."""

from models.recommender import Recommender
from worker.adapters.memory import Immediate, MemoryRecords
from worker.notes import Notes
from worker.observers import Observer
from worker.oddities import Oddities
from worker.pipeline import Pipeline, Ports
from worker.ports import Clock, DeadLetters, ListSink
from worker.reporting import Reporting
from worker.settings import Settings
from worker.similar import SimilarPublishing
from worker.steps.decode import Decoder
from worker.steps.rank import Ranker


def memory_pipeline(
    settings: Settings,
    recommender: Recommender,
    lists: ListSink,
    dead_letters: DeadLetters,
    clock: Clock,
    observer: Observer,
) -> Pipeline:
    """Notes for others are not looked at."""
    notes = Notes(MemoryRecords(), settings.kafka.review_topic, "w-0", clock)
    reporting, oddities = Reporting(notes, ()), Oddities(recommender, notes, settings.lists.odd_share)
    return Pipeline(
        Decoder(settings.events, settings.learning.objective),
        recommender,
        Ranker(recommender, settings.lists.size, "m"),
        Ports(lists, dead_letters, clock, Immediate(), reporting, oddities),
        settings.refresh,
        observer,
        SimilarPublishing(recommender, lists, clock, settings.lists, "m"),
    )
