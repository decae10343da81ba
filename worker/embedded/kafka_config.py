"""How the embedded Kafka is configured and started: one node, small and quick."""

from collections.abc import Mapping
from pathlib import Path

from worker.embedded.ports import HOST

NODE_ID = 1

# 256 MB suffice with the small cleaner buffer below; the first compiler tier alone starts in half the time.
JVM_OPTIONS = (
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def java_command(java: Path, jars: Path, scratch: Path, *arguments: str) -> list[str]:
    """Runs a class of Kafka; native libraries unpack themselves into `scratch`."""
    return [str(java), *JVM_OPTIONS, f"-Djava.io.tmpdir={scratch}", "-cp", f"{jars}/*", *arguments]


def server_properties(data: str, broker_port: int, controller_port: int, others: Mapping[str, str]) -> str:
    """The text of server.properties for a node that is broker and controller in one.

    `data` is a folder's name in the working folder: these files cannot hold every path.
    Old record times must not make a replayed topic expire, so nothing expires by time. Short group sessions
    are allowed, for tests of lost workers. `others` come in addition, or in place of what stands here.
    """
    own = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{broker_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{broker_port}",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "broker.heartbeat.interval.ms": 1000,
        "broker.session.timeout.ms": 3000,  # a node started after kill -9 has to wait for it
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "log.retention.ms": -1,
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "offsets.topic.num.partitions": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{name}={value}\n" for name, value in (own | dict(others)).items())
