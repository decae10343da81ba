"""Which workers an address stands for."""

import socket
from typing import Any

import pytest

from worker.api.watch.addresses import addresses_of

V4, V6 = socket.AF_INET, socket.AF_INET6


def known(monkeypatch: pytest.MonkeyPatch, *hosts: tuple[int, str]) -> None:
    """The name stands for these hosts."""

    def getaddrinfo(_name: str, port: Any, **_: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for family, host in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_of_several_hosts_stands_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, (V4, "10.0.0.2"), (V4, "10.0.0.1"), (V4, "10.0.0.2"))
    found = addresses_of("http://millrace:9108/metrics")
    assert found == ["http://10.0.0.1:9108/metrics", "http://10.0.0.2:9108/metrics"]


def test_a_host_with_an_address_of_each_family_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, (V6, "::1"), (V4, "127.0.0.1"))
    assert addresses_of("http://localhost:9108/metrics") == ["http://localhost:9108/metrics"]


def test_hosts_of_the_sixth_version_are_put_in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, (V6, "fd00::1"), (V6, "fd00::2"))
    assert addresses_of("http://millrace/metrics") == ["http://[fd00::1]/metrics", "http://[fd00::2]/metrics"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/metrics", "http://no-such-host.invalid:1/metrics"])
def test_other_addresses_stay_as_they_are(address: str) -> None:
    assert addresses_of(address) == [address]
