"""A Prometheus histogram that takes many values at once."""

import threading
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override


class BulkHistogram(Collector):
    """Like `prometheus_client.Histogram`, but `observe` counts a whole array without a loop in Python."""

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry, bounds: Sequence[float]) -> None:
        """`bounds` are the buckets' upper bounds, ascending, without infinity."""
        self._name = name
        self._documentation = documentation
        self._bounds = np.asarray(bounds, np.float64)  # (b,)
        self._counts = np.zeros(len(bounds) + 1, np.int64)  # (b + 1,), the last for what lies above
        self._sum = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, values: npt.NDArray[np.float64]) -> None:
        """Counts `values` (n,)."""
        counts = np.bincount(np.searchsorted(self._bounds, values), minlength=len(self._counts))
        with self._lock:
            self._counts += counts
            self._sum += float(values.sum())

    @override
    def collect(self) -> Iterable[HistogramMetricFamily]:
        with self._lock:
            cumulative, total = self._counts.cumsum(), self._sum
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        yield HistogramMetricFamily(
            self._name,
            self._documentation,
            buckets=list(zip(names, map(float, cumulative), strict=True)),
            sum_value=total,
        )
