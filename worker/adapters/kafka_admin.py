"""The admin client: what brokers and topics there are."""

from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from worker.adapters.kafka_client import connection, unavailable
from worker.settings import KafkaSettings


def connect_admin(settings: KafkaSettings) -> KafkaAdminClient:
    """An admin client, to be used in a `with` block. Raises ConfigurationError or ServiceUnavailable."""
    options = connection(settings)
    del options["metrics_enabled"]  # the admin client does not know this one
    clients: list[KafkaNetClient] = []

    def remembered(**configuration: Any) -> KafkaNetClient:
        clients.append(KafkaNetClient(**configuration))
        return clients[0]

    try:
        return KafkaAdminClient(**options, kafka_client=remembered)
    except KafkaError as error:
        for client in clients:  # a constructor that fails leaves its thread behind
            client.close()
        raise unavailable(settings, error) from error
