"""How fast the HTTP API answers: `python -m tests.benchmarks.bench_api [SECONDS]`; needs `wrk`.

A real Valkey of its own with 10,000 lists of 20 items; `millrace serve` is one process with one thread. Beside it, in
turns, the same server with an application that answers a constant of the same size: that much HTTP itself takes; and
lists for sessions of 20 items, between which nothing is shared: the dearest there are. Then
1,000 requests a second, each at its time whether or not the ones before are answered. Prints JSON.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from tests.support.api import made_list, made_similar
from tests.support.live_worker import START_SECONDS, ApiProcess
from tests.support.waiting import wait_until
from worker.adapters.redis_lists import RedisLists
from worker.embedded.ports import HOST, free_ports, is_listening
from worker.embedded.valkey_server import ValkeyServer
from worker.machine import this_machine
from worker.settings import ListSettings, RedisSettings

USERS, ITEMS = 10_000, 20
CONNECTIONS, ROUNDS = 16, 3
ANSWER_BYTES = 2200  # as the API's
PACED_PER_SECOND, PACED_CONNECTIONS = 1000, 32
PATH = "/v1/users/u{number}/recommendations"
CONSTANT = """
import uvicorn
from starlette.responses import Response
async def app(scope, receive, send):
    await Response(b"x" * {size}, media_type="application/json")(scope, receive, send)
uvicorn.run(app, port={port}, http="httptools", loop="uvloop", lifespan="off", log_level="error", access_log=False)
"""
LUA = (
    'request = function() return wrk.format("GET", "/v1/users/u" .. math.random({users}) - 1 .. "/recommendations") end'
)

SESSION_LUA = """
request = function()
  local items = {{}}
  for place = 1, {items} do items[place] = '"other-' .. math.random({most}) .. '"' end
  local body = '{{"history":[' .. table.concat(items, ",") .. ']}}'
  return wrk.format("POST", "/v1/sessions/recommendations", {{["Content-Type"] = "application/json"}}, body)
end
"""


def filled(url: str) -> None:
    """Writes the lists."""
    with closing(RedisLists(RedisSettings(url=SecretStr(url)), ListSettings())) as lists:
        names = [f"item-{number}" for number in range(ITEMS)]
        lists.publish({f"u{number}": made_list(*names) for number in range(USERS)})
        lists.publish_popular(made_list(*names))
        others = [f"other-{number}" for number in range(USERS)]
        lists.publish_similar(
            {item: made_similar(*others[place : place + ITEMS]) for place, item in enumerate(others[:-ITEMS])}
        )


@contextmanager
def constant(size: int) -> Iterator[str]:
    """A server that answers so many bytes; yields its address."""
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, "-c", CONSTANT.format(size=size, port=port)])
    try:
        wait_until(lambda: is_listening(port), START_SECONDS, "the constant's server listens")
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


def requests_per_second(url: str, script: Path, seconds: float) -> float:
    """As wrk counts, over some connections that wait for each answer."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(told)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])


async def paced(port: int, seconds: float) -> list[float]:
    """Seconds from when each request was due to its answer."""
    taken: list[float] = []
    start, count = time.perf_counter() + 0.1, int(seconds * PACED_PER_SECOND)
    numbers = iter(range(count))

    async def ask() -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        for number in numbers:
            due = start + number / PACED_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(f"GET {PATH.format(number=number % USERS)} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))
            taken.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(PACED_CONNECTIONS)))
    return taken


def main(seconds: float) -> None:
    """Measures and prints."""
    report: dict[str, Any] = {"machine": asdict(this_machine()), "users": USERS, "connections": CONNECTIONS}
    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as valkey:
        script = Path(folder) / "users.lua"
        script.write_text(LUA.format(users=USERS))
        sessions = Path(folder) / "sessions.lua"
        sessions.write_text(SESSION_LUA.format(items=ITEMS, most=USERS - 2 * ITEMS))
        filled(valkey.url)
        with ApiProcess({"redis.url": valkey.url}, Path(folder)) as api:
            api.wait_ready()
            rates: dict[str, list[float]] = {"api": [], "constant": [], "sessions": []}
            with constant(ANSWER_BYTES) as bare:
                for _ in range(ROUNDS):
                    rates["api"].append(requests_per_second(api.url, script, seconds))
                    rates["constant"].append(requests_per_second(bare, script, seconds))
                    rates["sessions"].append(requests_per_second(api.url, sessions, seconds))
            latencies = np.array(asyncio.run(paced(int(api.url.rpartition(":")[2]), 3 * seconds))) * 1000
    pairs = zip(rates["api"], rates["constant"], strict=True)
    report |= {
        "requests_per_second": {name: [round(rate) for rate in measured] for name, measured in rates.items()},
        "ratio": round(statistics.median(api / bare for api, bare in pairs), 3),
        f"milliseconds_at_{PACED_PER_SECOND}_per_second": {
            f"p{share:g}": round(float(np.percentile(latencies, share)), 2) for share in (50, 99, 99.9)
        },
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
