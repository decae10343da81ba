"""`run_services`: both servers for development, until a signal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from kafka import KafkaAdminClient

from tests.support.processes import is_alive
from tests.support.waiting import wait_until
from worker.embedded.services import EmbeddedServices

RUN = (
    "import sys; from pathlib import Path; from worker.embedded.services import run_services; "
    "run_services(Path(sys.argv[1]), lambda line: print(line, flush=True))"
)


@pytest.mark.usefixtures("kafka", "valkey")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_addresses_that_work_and_stops_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            lines = read_until(process, "Ctrl-C stops them.")
            exports = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export"))
            with redis.Redis.from_url(exports["MILLRACE_REDIS__URL"]) as client:
                assert client.ping()
            with KafkaAdminClient(bootstrap_servers=exports["MILLRACE_KAFKA__BOOTSTRAP_SERVERS"]) as admin:
                assert admin.list_topics() == []
            pids = [int(line.split("(process ")[1].split(",")[0]) for line in lines if "(process " in line]
            assert all(is_alive(pid) for pid in pids)
            os.killpg(process.pid, number)  # as a terminal does: to the whole group
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert not any(is_alive(pid) for pid in pids)
    assert (tmp_path / "kafka" / "data").is_dir()


def read_until(process: subprocess.Popen[str], last: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while last not in lines:
        line = process.stdout.readline()
        assert line, f"ended after {lines}"
        lines.append(line.rstrip("\n"))
    return lines


@pytest.mark.usefixtures("kafka", "valkey")
def test_when_one_does_not_start_the_other_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "data").mkdir()  # not formatted
    services = EmbeddedServices(tmp_path)
    with pytest.raises(Exception, match="Kafka"):
        services.start()
    assert not services.valkey.running
    wait_until(lambda: not services.kafka.running, 5, "the end of Kafka")
