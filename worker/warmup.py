"""Before the first event: what is compiled is loaded, what is not is compiled, by two processes where there is room.

`python -m worker.warmup` does it for all experts and all that lists may have, so that what starts next finds it done.
"""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from models.compiled import is_compiled
from models.warmup import warm_up as warm_up_models
from models.warmup import warm_up_ranking
from worker.adapters.memory_source import MemoryRecord
from worker.budgets import chosen_experts
from worker.settings import EventSettings, Settings, load
from worker.steps.clean import Cleaner
from worker.steps.decode import Decoder

ENDED_WITH_PARENT = 1


def warm_up(settings: Settings) -> None:
    """Sends a made-up event down the compiled parts of pipeline and models, so that the first real ones need not wait.

    Takes 40 s on two cores when nothing is compiled yet, three seconds after that.
    """
    experts, explain = chosen_experts(settings), settings.lists.explanations
    with _ranking_beside(experts, explain=explain):
        record = MemoryRecord(0, 1, None, b'{"user_id":"u","item_id":"i","event":"view_item"}')
        Cleaner(settings.clean).clean(Decoder(EventSettings()).decode(0, [record]))
        warm_up_models(experts, explain=explain)


@contextmanager
def _ranking_beside(experts: tuple[str, ...], *, explain: bool) -> Iterator[None]:
    """A second process compiles what ranks, while ours begins with what learns; each finds what the other did."""
    if is_compiled() or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    other = multiprocessing.get_context("spawn").Process(target=_compile_ranking, args=(experts, explain), daemon=True)
    other.start()
    try:
        yield
    finally:
        other.kill()
        other.join()


def _compile_ranking(experts: tuple[str, ...], explain: bool) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    warm_up_ranking(experts, explain=explain)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(ENDED_WITH_PARENT)


if __name__ == "__main__":
    everything = {"experts.content": True, "experts.sequence": True, "lists.explanations": True}
    warm_up(load(overrides=everything, environment={}))
