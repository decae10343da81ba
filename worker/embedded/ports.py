"""Free TCP ports of the loopback interface."""

import secrets
import socket
from collections.abc import Sequence

HOST = "127.0.0.1"

# Below the range that systems take outgoing connections' ports from (Linux from 32768, macOS from 49152): a
# client that keeps trying to reach a stopped server could otherwise be given the server's own port.
FIRST_PORT, LAST_PORT = 20_000, 32_700


def free_ports(count: int) -> tuple[int, ...]:
    """Different ports that nobody listens on now; drawn at random, so that two processes rarely meet."""
    ports: list[int] = []
    while len(ports) < count:
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        if port not in ports and are_free((port,)):
            ports.append(port)
    return tuple(ports)


def are_free(ports: Sequence[int]) -> bool:
    """Whether a server could listen on all of them."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
