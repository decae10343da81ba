"""Learn: the third step. One compiled call for the batch; says how the published lists fared against it."""

import numpy as np

from models.learned import Learned
from models.learning import Served
from models.recommender import Recommender
from models.shard import ProfileShard
from worker.observers import ServedOutcome
from worker.steps.columns import Cleaned


def learn(recommender: Recommender, shard: ProfileShard, cleaned: Cleaned) -> Learned:
    """Updates the users' state and the models, event by event."""
    return recommender.learn(shard, cleaned.batch)


def served_by_kind(served: Served, cleaned: Cleaned) -> dict[str, ServedOutcome]:
    """Like `served_outcome`, for each kind that came to users who had a list, those that are not to be foreseen too."""
    kinds = np.unique(cleaned.kinds[served.places >= 0]).tolist()
    return {cleaned.kind_names[kind]: served_outcome(served.only(cleaned.kinds == kind)) for kind in kinds}


def served_outcome(served: Served) -> ServedOutcome:
    """Sums up the places at which the events' items stood in their users' lists."""
    with_list = served.places >= 0
    hits = served.places[served.places > 0]
    return ServedOutcome(
        events=int(np.count_nonzero(with_list)),
        hits=len(hits),
        reciprocal_ranks=float((1.0 / hits).sum()),
        popular_hits=int(np.count_nonzero(served.popular_places > 0)),
        explored_hits=int(np.count_nonzero(served.explored)),
    )
