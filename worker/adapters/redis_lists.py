"""Lists in Redis or Valkey: one JSON string a user, replaced only by a newer one."""

import random
import uuid
from collections.abc import Iterable, Mapping
from itertools import islice

import msgspec
from typing_extensions import override

from worker.adapters.redis_client import connect_redis, decoded_list, decoded_similar, redis_errors
from worker.events import (
    LAST_POSITION,
    RecommendationList,
    SimilarItems,
    list_key,
    mark_key,
    popular_key,
    position_text,
    similar_key,
)
from worker.ports import ListSink
from worker.settings import ListSettings, RedisSettings

LISTS_PER_CALL = 200  # 20 items each: holds the server for about a millisecond
PREFIX = b'{"position":"'
FIRST = len(PREFIX)
LAST = FIRST + len(position_text(0, 0)) - 1

# KEYS: the lists' keys. ARGV: for each key its value and its time to live in seconds. Returns how many were refused.
# A value that is not a list of ours is overwritten.
WRITE_IF_NEWER = f"""
local refused = 0
for i, key in ipairs(KEYS) do
  local value = ARGV[2 * i - 1]
  local old = redis.pcall('GETRANGE', key, {FIRST}, {LAST})
  local ours = type(old) == 'string' and string.find(old, '^%d+%-%d+%-%d+$')
  if ours and old >= string.sub(value, {FIRST + 1}, {LAST + 1}) then
    refused = refused + 1
  else
    redis.call('SET', key, value, 'EX', ARGV[2 * i])
  end
end
return refused
"""

# KEYS: the lists' keys. ARGV: the position up to which they go.
REMOVE_UP_TO = f"""
for _, key in ipairs(KEYS) do
  local old = redis.pcall('GETRANGE', key, {FIRST}, {LAST})
  if type(old) ~= 'string' or old <= ARGV[1] then
    redis.call('UNLINK', key)
  end
end
"""


class RedisLists(ListSink):
    """Publishes through a script that compares positions, so that a late or foreign write never wins.

    Nothing is retried here: a write that timed out may still land, and the worker repeats with fresher lists.
    """

    def __init__(self, redis_settings: RedisSettings, lists: ListSettings, seed: int | None = None) -> None:
        """Connects at the first use. `seed` fixes the jitter. Raises ConfigurationError for a bad address."""
        self._client = connect_redis(redis_settings)
        self._prefix = redis_settings.key_prefix
        self._popular_key = popular_key(self._prefix)
        self._mark_key = mark_key(self._prefix)
        self._script = self._client.register_script(WRITE_IF_NEWER)
        self._remove_up_to = self._client.register_script(REMOVE_UP_TO)
        self._lists = lists
        self._random = random.Random(seed)  # noqa: S311 (spreads expiry, guards nothing)
        self._encode = msgspec.json.Encoder().encode

    @override
    def publish(self, lists: Mapping[str, RecommendationList]) -> int:
        refused = 0
        remaining = iter(lists.items())
        with redis_errors(self._client):
            while chunk := list(islice(remaining, LISTS_PER_CALL)):
                refused += self._write(chunk)
        return refused

    @override
    def publish_popular(self, popular: RecommendationList) -> None:
        with redis_errors(self._client):
            self._client.set(self._popular_key, self._encode(popular))

    @override
    def publish_similar(self, records: Mapping[str, SimilarItems]) -> None:
        remaining = iter(records.items())
        with redis_errors(self._client):
            while chunk := list(islice(remaining, LISTS_PER_CALL)):
                calls = self._client.pipeline(transaction=False)
                for item_id, content in chunk:
                    calls.set(similar_key(item_id, self._prefix), self._encode(content), ex=self._ttl_seconds())
                calls.execute()

    @override
    def read_similar(self, item_id: str) -> SimilarItems | None:
        """Also raises StateError when what stands there is something else."""
        key = similar_key(item_id, self._prefix)
        return decoded_similar(key, self._content(key))

    @override
    def read(self, user_id: str) -> RecommendationList | None:
        """Also raises StateError when what stands there is not a list of ours."""
        return self._read(self._key(user_id))

    @override
    def read_popular(self) -> RecommendationList | None:
        """Also raises StateError when what stands there is not a list of ours."""
        return self._read(self._popular_key)

    @override
    def remove(self, user_ids: Iterable[str], up_to: str = LAST_POSITION) -> None:
        remaining = map(self._key, user_ids)
        with redis_errors(self._client):
            while keys := list(islice(remaining, LISTS_PER_CALL)):
                self._remove_up_to(keys, [up_to])

    @override
    def remove_similar(self, item_ids: Iterable[str]) -> None:
        remaining = (similar_key(item_id, self._prefix) for item_id in item_ids)
        with redis_errors(self._client):
            while keys := list(islice(remaining, LISTS_PER_CALL)):
                self._client.unlink(*keys)

    @override
    def remove_popular(self) -> None:
        with redis_errors(self._client):
            self._client.unlink(self._popular_key, self._mark_key)

    @override
    def mark(self) -> str:
        """Also "" in the moment in which another client empties the store."""
        with redis_errors(self._client):
            self._client.set(self._mark_key, uuid.uuid4().hex, nx=True)
            content = self._client.get(self._mark_key)
        return content.decode() if isinstance(content, bytes) else content or ""

    @override
    def ping(self) -> None:
        with redis_errors(self._client):
            self._client.ping()

    @override
    def close(self) -> None:
        self._client.close()

    def _key(self, user_id: str) -> str:
        return list_key(user_id, self._prefix)

    def _write(self, chunk: list[tuple[str, RecommendationList]]) -> int:
        arguments: list[bytes | int] = []
        for _, content in chunk:
            arguments += (self._encode(content), self._ttl_seconds())
        return int(self._script([self._key(user) for user, _ in chunk], arguments))

    def _ttl_seconds(self) -> int:
        return max(1, int(self._lists.ttl_seconds * (1 + self._lists.ttl_jitter * self._random.random())))

    def _read(self, key: str) -> RecommendationList | None:
        return decoded_list(key, self._content(key))

    def _content(self, key: str) -> bytes | str | None:
        with redis_errors(self._client):
            return self._client.get(key)
