"""A real Apache Kafka for demo, development and tests."""

import base64
import re
import shutil
import uuid
from pathlib import Path

from kafka.errors import KafkaError
from typing_extensions import override

from worker.adapters.kafka_admin import connect_admin
from worker.embedded.java import find_java
from worker.embedded.kafka_cache import kafka_files
from worker.embedded.kafka_config import java_command, server_properties
from worker.embedded.ports import HOST, is_listening
from worker.embedded.server import EmbeddedServer
from worker.errors import ServiceUnavailable
from worker.settings import KafkaSettings

ANSWER_SECONDS = 5.0


class KafkaBroker(EmbeddedServer):
    """One Kafka node (KRaft, broker and controller in one) on free ports of this machine.

    Topics are not created by use. The first start on a machine fetches Kafka, about 45 MB.
    """

    name = "Kafka"
    port_count = 2
    grace_seconds = 15.0

    def __init__(self, folder: Path | None = None, start_seconds: float = 60.0, cache: Path | None = None) -> None:
        """`cache` holds Kafka's jars, None = in the user's cache folder."""
        super().__init__(folder, start_seconds)
        self._cache = cache

    @property
    def bootstrap_servers(self) -> str:
        """Address for clients; known once it was started."""
        return f"{HOST}:{self._ports[0]}"

    @override
    def _command(self) -> list[str]:
        java = find_java()
        files = kafka_files(java, self._cache)
        if not self._data.is_dir():
            _new_storage(files.formatted, self._data)
        properties = self.folder / "server.properties"
        broker_port, controller_port = self._ports[:2]
        text = server_properties(self._data.name, broker_port, controller_port, self._other_properties())
        properties.write_text(text, "utf-8")
        return java_command(java, files.jars, self.folder, "kafka.Kafka", str(properties))

    @override
    def _answers(self, pid: int) -> bool:
        if not is_listening(self._ports[0]):
            return False
        try:
            with connect_admin(self._client_settings) as admin:
                cluster = admin.describe_cluster()
        except (KafkaError, ServiceUnavailable):  # not yet
            return False
        return bool(cluster["brokers"]) and cluster["cluster_id"] == _cluster_id(self._data)

    def _other_properties(self) -> dict[str, str]:
        """Of server.properties, for kinds of broker with more than this one."""
        return {}

    @property
    def _client_settings(self) -> KafkaSettings:
        return KafkaSettings(
            bootstrap_servers=self.bootstrap_servers,
            connect_timeout_seconds=ANSWER_SECONDS,
            request_timeout_seconds=ANSWER_SECONDS,
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def _new_storage(formatted: Path, data: Path) -> None:
    """A copy of formatted storage, with ids of its own in place of the template's."""
    unfinished = data.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(formatted, unfinished)
    properties = unfinished / "meta.properties"
    text = properties.read_text("utf-8")
    for name in ("cluster.id", "directory.id"):
        text = re.sub(rf"^{re.escape(name)}=.*$", f"{name}={_new_id()}", text, flags=re.MULTILINE)
    properties.write_text(text, "utf-8")
    unfinished.rename(data)


def _new_id() -> str:
    """A random id in Kafka's form: 22 characters that do not begin with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")


def _cluster_id(data: Path) -> str:
    found = re.search(r"^cluster\.id=(.*)$", (data / "meta.properties").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else ""
