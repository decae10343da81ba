"""Real brokers of other shapes: one that is reached through a proxy, and a cluster of three."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from typing_extensions import override

from tests.support.tasks import in_threads
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import HOST, free_ports

NODES = 3
CLUSTER_ID = "millraceTestCluster000"


class ConfiguredBroker(KafkaBroker):
    """A node with properties of its own."""

    def __init__(self, properties: Mapping[str, object], ports: tuple[int, ...] = ()) -> None:
        super().__init__()
        self._properties = properties
        self._ports = ports

    @property
    def broker_port(self) -> int:
        return self._ports[0]

    @override
    def _command(self) -> list[str]:
        command = super()._command()
        path = self.folder / "server.properties"
        standard = dict(line.split("=", 1) for line in path.read_text().splitlines())
        merged = standard | {name: str(value) for name, value in self._properties.items()}
        path.write_text("".join(f"{name}={value}\n" for name, value in merged.items()))
        _set_ids(self.folder / "data" / "meta.properties", self._properties)
        return command


def _set_ids(path: Path, properties: Mapping[str, object]) -> None:
    """The storage of a node of a cluster bears its number, and the cluster's id."""
    if "node.id" in properties:
        text = re.sub(r"^node\.id=.*$", f"node.id={properties['node.id']}", path.read_text(), flags=re.MULTILINE)
        path.write_text(re.sub(r"^cluster\.id=.*$", f"cluster.id={CLUSTER_ID}", text, flags=re.MULTILINE))


def broker_behind(proxy_port: int) -> tuple[ConfiguredBroker, int]:
    """A broker, not started yet, with a second listener for clients that come through the proxy; and its port."""
    ports = free_ports(3)
    listeners = f"PLAINTEXT://{HOST}:{ports[0]},PROXIED://{HOST}:{ports[2]},CONTROLLER://{HOST}:{ports[1]}"
    properties = {
        "listeners": listeners,
        "advertised.listeners": f"PLAINTEXT://{HOST}:{ports[0]},PROXIED://{HOST}:{proxy_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    return ConfiguredBroker(properties, ports[:2]), ports[2]


@contextmanager
def three_nodes() -> Iterator[list[ConfiguredBroker]]:
    """A cluster whose topics, the group's too, lie on all three nodes; two must have a record before it counts."""
    ports = free_ports(2 * NODES)
    pairs = list(zip(ports[::2], ports[1::2], strict=True))
    voters = ",".join(f"{number}@{HOST}:{pair[1]}" for number, pair in enumerate(pairs, start=1))
    common = {
        "controller.quorum.voters": voters,
        "default.replication.factor": NODES,
        "min.insync.replicas": 2,
        "offsets.topic.replication.factor": NODES,
        "controlled.shutdown.enable": "false",
    }
    with ExitStack() as stack:
        nodes = [ConfiguredBroker(common | {"node.id": number}, pair) for number, pair in enumerate(pairs, start=1)]
        for node in nodes:
            stack.callback(node.close)
        in_threads([node.start for node in nodes])
        yield nodes


def servers(nodes: list[ConfiguredBroker]) -> str:
    """Their address for clients."""
    return ",".join(node.bootstrap_servers for node in nodes)


def guarded_broker() -> ConfiguredBroker:
    """A broker, not started yet, with access rules: whoever no rule names may do all."""
    return ConfiguredBroker(
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
        },
        tuple(free_ports(2)),
    )


@contextmanager
def unreadable(broker: KafkaBroker, kind: ResourceType, name: str) -> Iterator[None]:
    """Nobody may read this topic, or as this group, meanwhile; all else stays allowed."""
    pattern = ResourcePattern(kind, name)
    rules = [
        ACL("User:*", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern),
        ACL("User:*", "*", ACLOperation.READ, ACLPermissionType.DENY, pattern),
    ]
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        made = admin.create_acls(rules)
        assert made["failed"] == [], made
        yield
        admin.delete_acls(rules)
