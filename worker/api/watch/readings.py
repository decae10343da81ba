"""What a worker's /metrics says at one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from prometheus_client.parser import text_string_to_metric_families

from worker.errors import ServiceUnavailable

FETCH_SECONDS = 2.0
MOST_PAGE_BYTES = 4_000_000
PREFIX = "millrace_"

# Straight there: these addresses lie inside, where a proxy would not find them.
_opener = build_opener(ProxyHandler({}))

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of one page.

    Attributes:
        at_seconds: when it was read, on the monotonic clock.
        values: by name without `millrace_`, and labels.
    """

    at_seconds: float
    values: Mapping[tuple[str, Labels], float]

    def value(self, name: str) -> float | None:
        """Of a metric without labels; None where the page has none."""
        return self.values.get((name, ()))

    def labelled(self, name: str) -> dict[str, float]:
        """Values by the one label that the metric has."""
        return {labels[0][1]: value for (found, labels), value in self.values.items() if found == name and labels}


def reading_of(page: str, at_seconds: float) -> Reading:
    """Raises ValueError for a page that is not in Prometheus' text format."""
    return Reading(at_seconds, dict(_values(page)))


def _values(page: str) -> Iterator[tuple[tuple[str, Labels], float]]:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name.startswith(PREFIX):
                yield (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))), sample.value


def fetched(address: str) -> str:
    """The page at an address. Raises ServiceUnavailable."""
    remedy = "see whether the worker runs there, and api.workers"
    try:
        with _opener.open(Request(address), timeout=FETCH_SECONDS) as answer:  # noqa: S310  # the setting allows http(s) only
            page: bytes = answer.read(MOST_PAGE_BYTES + 1)
    except HTTPError as error:
        with error:
            raise ServiceUnavailable(f"it answers {error.code}", remedy) from None
    except (OSError, HTTPException) as error:
        raise ServiceUnavailable("it does not answer", remedy) from error
    if len(page) > MOST_PAGE_BYTES:
        raise ServiceUnavailable(f"its page has over {MOST_PAGE_BYTES} bytes", remedy)
    return page.decode("utf-8", "replace")
