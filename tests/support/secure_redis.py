"""A Redis that encrypts, and in which a user may do no more than docs/security.md lists."""

import shutil

import redis
from typing_extensions import override

from tests.support.secure_kafka import Certificates
from worker.embedded.ports import HOST, is_listening
from worker.embedded.server import EmbeddedServer
from worker.errors import ConfigurationError

USER, READER, PASSWORD = "millrace", "reader", "hunter2-Redis"
RIGHTS = "~recs:v1:* +get +set +getrange +exists +unlink +eval +evalsha +script|load +ping"
READER_RIGHTS = "~recs:v1:* +mget +ping"


class SecureRedis(EmbeddedServer):
    """Speaks TLS only, and knows two users, as the program of the machine; the packaged Valkey has no TLS."""

    name = "Redis"
    port_count = 1
    grace_seconds = 5.0

    def __init__(self, certificates: Certificates) -> None:
        super().__init__()
        self._certificates = certificates

    @property
    def url(self) -> str:
        """Address, with user and password."""
        return f"rediss://{USER}:{PASSWORD}@localhost:{self._ports[0]}/0"

    @property
    def reader_url(self) -> str:
        """Address, with the user of `millrace serve`."""
        return self.url.replace(f"{USER}:", f"{READER}:")

    @property
    def admin_url(self) -> str:
        """Of who may do everything."""
        return f"rediss://localhost:{self._ports[0]}/0?ssl_ca_certs={self._certificates.authority}"

    @override
    def _command(self) -> list[str]:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            raise ConfigurationError("no Redis with TLS is on this machine", "install redis-server")
        options = {
            "--bind": HOST,
            "--port": "0",
            "--tls-port": str(self._ports[0]),
            "--tls-cert-file": str(self._certificates.certificate("server")),
            "--tls-key-file": str(self._certificates.key("server")),
            "--tls-ca-cert-file": str(self._certificates.authority),
            "--tls-auth-clients": "optional",
            "--dir": str(self.folder),
            "--save": "",
        }
        users = [
            word
            for user, rights in ((USER, RIGHTS), (READER, READER_RIGHTS))
            for word in ("--user", user, "on", f">{PASSWORD}", *rights.split())
        ]
        return [program, *(word for option in options.items() for word in option), *users]

    @override
    def _answers(self, pid: int) -> bool:
        if not is_listening(self._ports[0]):
            return False
        with redis.Redis.from_url(self.admin_url, socket_timeout=1.0) as client:
            try:
                return bool(client.info("server")["process_id"] == pid)
            except redis.RedisError:  # not yet
                return False
