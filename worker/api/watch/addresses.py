"""Which workers an address stands for: a name may stand for several hosts, as that of a headless service does."""

import socket
from urllib.parse import urlsplit


def addresses_of(address: str) -> list[str]:
    """The address once for each host behind its name; as it is where there is one, or where nobody knows the name."""
    parts = urlsplit(address)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or parts.scheme, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [address]
    families = {each[0] for each in found}
    family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6  # a host may have an address of each
    hosts = sorted({str(each[4][0]) for each in found if each[0] == family})
    if len(hosts) < 2:
        return [address]
    return [parts._replace(netloc=_netloc(host, parts.port)).geturl() for host in hosts]


def _netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"
