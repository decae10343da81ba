"""A long load with a fault every 20 seconds: `python -m tests.benchmarks.soak --seconds 600` prints JSON.

Two workers, `python -m worker worker`, reach Kafka and Valkey through proxies. One is killed now and then; the other
lives through all faults, and its memory, file descriptors and threads are sampled every second.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.figures import judged, print_figures
from tests.support.kafka_nodes import broker_behind
from tests.support.live_worker import OtherProcess, WorkerProcess
from tests.support.proxy import Proxy
from tests.support.waiting import wait_for_seconds
from worker.embedded.ports import HOST
from worker.embedded.server import EmbeddedServer
from worker.embedded.valkey_server import ValkeyServer

OUTAGE_SECONDS = 3.0
SAMPLE_SECONDS = 1.0
SESSION_SECONDS = 15.0
WARM_UP_SECONDS = 60.0
WINDOW_SAMPLES = 60


@dataclass
class Samples:
    """What a process takes, once a second.

    Attributes:
        rss_bytes, descriptors, threads: in order.
    """

    pid: int
    rss_bytes: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, object]:
        """Medians of the first and the last minute, and the most."""
        series = {"rss_mb": [each / 1e6 for each in self.rss_bytes]}
        series |= {"descriptors": self.descriptors, "threads": self.threads}
        return {name: _first_last_most(values) for name, values in series.items()}

    def _run(self) -> None:
        process = psutil.Process(self.pid)
        self._stop.wait(WARM_UP_SECONDS)
        while not self._stop.wait(SAMPLE_SECONDS):
            with suppress(psutil.NoSuchProcess), process.oneshot():
                self.rss_bytes.append(process.memory_info().rss)
                self.descriptors.append(process.num_fds())
                self.threads.append(process.num_threads())


def _first_last_most(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    first, last = values[:WINDOW_SAMPLES], values[-WINDOW_SAMPLES:]
    return {
        "first_minute": round(float(np.median(first)), 1),
        "last_minute": round(float(np.median(last)), 1),
        "most": round(max(values), 1),
    }


class Soak:
    """The services, the run, and what can be done to them."""

    def __init__(self, folder: Path, events_per_second: float) -> None:
        self._folder = folder
        self._rate = events_per_second
        self.injected: Counter[str] = Counter()
        self.replaced = 0
        self.outages_seconds: list[float] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._to_kafka, self._to_redis = stack.enter_context(Proxy()), stack.enter_context(Proxy())
            self._broker, port = broker_behind(self._to_kafka.port)
            self._valkey = ValkeyServer()
            for server in (self._broker, self._valkey):
                stack.enter_context(server)
            self._to_kafka.aim(port)
            self._to_redis.aim(int(self._valkey.url.rsplit(":", 1)[1].split("/")[0]))
            settings = fault_settings(self._broker.bootstrap_servers, self._valkey.url, "soak", self._folder)
            settings |= {"kafka.session_timeout_seconds": SESSION_SECONDS, "snapshots.interval_seconds": 5.0}
            run = FaultRun(settings, self._folder, rate=self._rate, worker=WorkerProcess)
            self.run = stack.enter_context(run)
            self.start(0), self.start(1)
            self.run.wait_for_share(2, 2)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def survivor(self) -> OtherProcess:
        """Lives through all faults."""
        return self.run.workers["w-1"]

    def start(self, number: int) -> OtherProcess:
        """A worker behind the proxies."""
        return self.run.start(number, **self._behind_proxies())

    def _behind_proxies(self) -> dict[str, Any]:
        return {
            "kafka__bootstrap_servers": f"{HOST}:{self._to_kafka.port}",
            "redis__url": f"redis://{HOST}:{self._to_redis.port}/0",
        }

    def faults(self) -> list[Callable[[], None]]:
        """One after the other."""
        return [self.kill, self.freeze, self.restart_broker, self.restart_redis, self.cut_kafka, self.cut_redis]

    def inject(self, fault: Callable[[], None]) -> None:
        """Counts it, and starts anew whoever it ended."""
        self.injected[fault.__name__] += 1
        fault()
        for number in (0, 1):
            if self.run.workers[f"w-{number}"].ended:
                self.replaced += 1
                self.start(number)

    def kill(self) -> None:
        self.outages_seconds.append(self.run.kill_and_start(0, **self._behind_proxies()))

    def freeze(self) -> None:
        self.survivor.send(signal.SIGSTOP)
        wait_for_seconds(OUTAGE_SECONDS)
        self.survivor.send(signal.SIGCONT)

    def restart_broker(self) -> None:
        with _away(self._broker):
            wait_for_seconds(OUTAGE_SECONDS)

    def restart_redis(self) -> None:
        with _away(self._valkey):
            wait_for_seconds(OUTAGE_SECONDS)

    def cut_kafka(self) -> None:
        with self._to_kafka.cut():
            wait_for_seconds(OUTAGE_SECONDS)

    def cut_redis(self) -> None:
        with self._to_redis.cut():
            wait_for_seconds(OUTAGE_SECONDS)


@contextmanager
def _away(server: EmbeddedServer) -> Iterator[None]:
    server.kill()
    yield
    server.start()


def measured(seconds: float, rate: float, every: float) -> dict[str, object]:
    """Figures of one run on services of its own."""
    with tempfile.TemporaryDirectory() as name, Soak(Path(name), rate) as soak:
        ends_at = time.monotonic() + seconds
        pid = soak.survivor.pid
        with Samples(pid) as samples:
            for fault in _again_and_again(soak.faults()):
                began = time.monotonic()
                if began + every > ends_at:
                    break
                soak.inject(fault)
                wait_for_seconds(max(0.0, began + every - time.monotonic()))
        verdict = soak.run.finish(*soak.run.workers.values())
    return {
        "seconds": seconds,
        **judged(verdict),
        "lists_written": soak.run.lists.writes,
        "faults_injected": dict(soak.injected),
        "workers_that_ended_by_themselves": soak.replaced,
        "outage_seconds_max": round(max(soak.outages_seconds, default=0.0), 2),
        "the_survivor_lived": soak.survivor.pid == pid,
        "survivor": samples.figures(),
    }


def _again_and_again(faults: list[Callable[[], None]]) -> Iterator[Callable[[], None]]:
    while True:
        yield from faults


def main() -> int:
    """Returns 1 when the oracle found a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=1000.0, help="events a second")
    parser.add_argument("--every", type=float, default=20.0, help="seconds from one fault to the next")
    return print_figures(parser, measured)


if __name__ == "__main__":
    sys.exit(main())
