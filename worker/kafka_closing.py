"""Ending a producer of kafka-python 3.0.12, also while Kafka is away."""

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError


def close_producer(producer: KafkaProducer, seconds: float) -> bool:
    """Ends it within about this time; False = what was not acknowledged by then is given up.

    The client itself would raise then, and leave its thread running.
    """
    try:
        producer.close(timeout=seconds)
    except KafkaTimeoutError:
        producer._sender.force_close()  # noqa: SLF001
        producer._sender.join(seconds)  # noqa: SLF001
        return False
    return True
