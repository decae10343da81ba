"""The benchmarks with an oracle, from end to end and as small as they go: it finds no fault."""

import json
import subprocess
import sys

import pytest

TINY = {
    "kills": ["--kills", "1", "--rate", "300"],
    "scaling": ["--calm", "1", "--rate", "300", "--heartbeat", "0.2"],
    "soak": ["--seconds", "7", "--every", "6", "--rate", "300"],
}


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("embedded_services")
@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_loses_doubles_and_overwrites_nothing(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", *TINY[name]],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["events"] > 0
    assert figures["users"] > 0
    assert [figures[each] for each in ("lost_events", "doubled_events", "stale_overwrites")] == [0, 0, 0]
    assert figures["faults"] == {}
