"""The baselines by name."""

from collections.abc import Callable, Mapping

from models.baselines.baseline import Baseline
from models.baselines.bpr import bpr
from models.baselines.covisitation import covisitation
from models.baselines.ials import ials
from models.baselines.isgd import isgd
from models.baselines.itemknn import itemknn
from models.baselines.popularity import popularity
from models.baselines.sessions import sessions
from models.baselines.stream import Stream

BASELINES: Mapping[str, Callable[[Stream], Baseline]] = {
    "popularity": popularity,
    "covisitation": covisitation,
    "itemknn": itemknn,
    "ials": ials,
    "sessions": sessions,
    "isgd": isgd,
    "bpr": bpr,
}
