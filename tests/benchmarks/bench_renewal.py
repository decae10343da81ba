"""How soon lists recover when the stream switches: `python -m tests.benchmarks.bench_renewal FOLDER` prints a table.

FOLDER holds the data sets. Half-way through 40,000 events either each item takes the place of another, drawn at random,
or another data set follows, of other items, whose users are drawn from those that are known. Each stream is learned
with and without renewal. Level: HR@20 over the last 5,000 events without renewal. Recovered: when HR@20 over the last
2,000 events first reaches 90 % of the level.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from models.batch import Interactions
from models.evaluation import prequential, scored_events
from models.recommender import Recommender, RecommenderOptions

HALF, WINDOW, LAST, EARLY = 20_000, 2_000, 5_000, 5_000
ENOUGH = 0.9
SEEDS = range(3)
KINDS = {"online-retail": ["purchase"], "ifdb": ["played", "wishlist"]}
PERMUTED = ("online-retail", "ifdb", "ml-1m-positive", "amazon-toys-5core", "yoochoose-100k")
SPLICED = (("online-retail", "ifdb"), ("ifdb", "online-retail"), ("ml-1m-positive", "ifdb"))


class Recovery(NamedTuple):
    """What happened after the switch, as means over seeds.

    Attributes:
        events: until the lists had recovered.
        early, whole: HR@20 over the first 5,000 events, and over all 20,000.
        delay: events until the learning rates first rose; nan = they did not.
    """

    events: float
    early: float
    whole: float
    delay: float


def read(folder: Path, name: str, events: int | None) -> Interactions:
    """The first events of a data set, or all."""
    wanted = pc.field("event").isin(KINDS[name]) if name in KINDS else None
    path = folder / f"{name}.events.parquet"
    table = pq.read_table(path, columns=["user_id", "item_id", "timestamp"], filters=wanted).slice(0, events)
    users, items = (list(map(str, table[column].to_pylist())) for column in ("user_id", "item_id"))
    return Interactions.of(users, items, table["timestamp"].to_numpy())


def permuted(folder: Path, name: str, seed: int) -> Interactions:
    """Half-way each item takes the place of another."""
    stream = read(folder, name, 2 * HALF)
    ids = sorted(set(stream.items))
    other = dict(zip(ids, np.random.default_rng(seed).permutation(ids).tolist(), strict=True))
    items = [*stream.items[:HALF], *map(other.__getitem__, stream.items[HALF:])]
    return Interactions(stream.users, items, stream.times_ms, stream.weights)


def spliced(folder: Path, first: str, second: str, seed: int) -> Interactions:
    """The second data set follows the first; its users are taken for users of the first, as far as there are enough."""
    one, two = read(folder, first, HALF), read(folder, second, HALF)
    random, ours, theirs = np.random.default_rng(seed), sorted(set(one.users)), sorted(set(two.users))
    pool = [*random.permutation(ours).tolist(), *(f"new {user}" for user in theirs)]
    user_of = dict(zip(random.permutation(theirs).tolist(), pool, strict=False))
    return Interactions.of(
        [*one.users, *map(user_of.__getitem__, two.users)],
        [*(f"{first} {item}" for item in one.items), *(f"{second} {item}" for item in two.items)],
        np.concatenate([one.times_ms, two.times_ms - two.times_ms[0] + one.times_ms[-1]]),
    )


def hits_and_delay(stream: Interactions, *, renewal: bool) -> tuple[npt.NDArray[np.float64], float]:
    """Of each event after the switch 1 = hit, 0 = missed, nan = not scored; and when learning rates first rose."""
    recommender, delay = Recommender(RecommenderOptions(renewal=renewal)), float("nan")
    shard = recommender.new_shard()
    parts = []
    for start in range(0, len(stream), 250):
        before = recommender.renewals
        outcomes = prequential(recommender, shard, stream.slice(start, start + 250))
        scored = scored_events(outcomes, seen_excluded=recommender.excludes_seen)
        parts.append(np.where(scored, outcomes.ranks <= 20, np.nan))
        if start >= HALF and recommender.renewals > before and np.isnan(delay):
            delay = start + 250 - HALF
    return np.concatenate(parts)[HALF:], delay


def recovered_after(hits: npt.NDArray[np.float64], level: float) -> int:
    """Events until the window's hit rate reaches the share of the level; all of them where it does not."""
    total, scored = np.cumsum(np.nan_to_num(hits)), np.cumsum(~np.isnan(hits))
    rates = (total[WINDOW:] - total[:-WINDOW]) / (scored[WINDOW:] - scored[:-WINDOW])
    reached = np.flatnonzero(rates >= ENOUGH * level)
    return WINDOW + int(reached[0]) if len(reached) else len(hits)


def recoveries(streams: list[Interactions]) -> tuple[Recovery, Recovery]:
    """Without and with renewal."""
    found: tuple[list[Recovery], list[Recovery]] = [], []
    for stream in streams:
        runs = [hits_and_delay(stream, renewal=renewal) for renewal in (False, True)]
        level = float(np.nanmean(runs[0][0][-LAST:]))
        for (hits, delay), rows in zip(runs, found, strict=True):
            early, whole = float(np.nanmean(hits[:EARLY])), float(np.nanmean(hits))
            rows.append(Recovery(recovered_after(hits, level), early, whole, delay))
    without, with_it = (Recovery(*np.mean(rows, axis=0).tolist()) for rows in found)
    return without, with_it


def line(title: str, streams: list[Interactions]) -> str:
    """A row of the table."""
    without, with_it = recoveries(streams)
    return (
        f"| {title} | {without.events:,.0f} | {with_it.events:,.0f} | {without.early:.4f} | {with_it.early:.4f} | "
        f"{without.whole:.4f} | {with_it.whole:.4f} | {with_it.delay:,.0f} |\n"
    )


def main(folder: Path) -> None:
    """Measures and prints."""
    for name in PERMUTED:
        sys.stdout.write(line(f"{name}, items permuted", [permuted(folder, name, seed) for seed in SEEDS]))
        sys.stdout.flush()
    for first, second in SPLICED:
        sys.stdout.write(line(f"{first}, then {second}", [spliced(folder, first, second, seed) for seed in SEEDS]))
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
