"""Figures along the stream: the mean so far, and the mean of late, by a fading factor (Gama et al. 2013)."""

import numpy as np

from models.batch import Float64s, Int64s

MOST_POINTS = 200
WINDOW_EVENTS = 5_000


def curve_points(events: int, most_points: int = MOST_POINTS) -> Int64s:
    """After how many of the events a curve has its points: evenly spread, the last after all; (p,), p <= most."""
    points = min(events, most_points)
    return np.arange(1, points + 1, dtype=np.int64) * events // max(points, 1)


def running_means(gains: Float64s, points: Int64s) -> Float64s:
    """(p,) means of all (n,) gains up to each point."""
    means: Float64s = np.cumsum(gains)[points - 1] / points
    return means


def fading_means(gains: Float64s, points: Int64s, window_events: int = WINDOW_EVENTS) -> Float64s:
    """(p,) means in which each of the (n,) gains counts 1 - 1/window times as much as the next one.

    The weights add up to the window, so that it is as steady as a mean over so many events, without keeping them.
    """
    factor = 1 - 1 / window_events
    means = np.empty(len(points))
    total = weight = 0.0
    for place, part in enumerate(np.split(gains, points)[: len(points)]):
        weights = factor ** np.arange(len(part) - 1, -1, -1.0)
        total = total * factor ** len(part) + float(part @ weights)
        weight = weight * factor ** len(part) + float(weights.sum())
        means[place] = total / weight
    return means
