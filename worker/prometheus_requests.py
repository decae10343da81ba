"""How the API does, as Prometheus metrics."""

from functools import cache
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
NO_ROUTE = "none"


class ApiMetrics:
    """Counts in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they would only double the series
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("millrace_api_build", "Version of the API.", registry=self.registry)
        build.info({"version": version("millrace")})
        self.requests = Counter(
            "millrace_api_requests",
            "Requests to the HTTP API, by route, method and status of the answer.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "millrace_api_request_seconds",
            "Time from a request to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )

        # To look labels up costs more than to count.
        self._labelled = cache(lambda *labels: (self.requests.labels(*labels), self.seconds.labels(labels[0])))

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is the path's pattern, never the path."""
        requests, taken = self._labelled(route, method, str(status))
        requests.inc()
        taken.observe(seconds)

    def render(self) -> bytes:
        """All metrics in the text format 0.0.4."""
        return generate_latest(self.registry)
