"""Where a key lies among the partitions of a topic."""

from kafka.partitioner import murmur2


def place_of(key: str, partitions: int) -> int:
    """Which of so many partitions has the key, as every Kafka client computes it."""
    positive_hash: int = murmur2(key.encode()) & 0x7FFFFFFF
    return positive_hash % partitions
