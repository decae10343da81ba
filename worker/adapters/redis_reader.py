"""Lists from Redis or Valkey for the HTTP API, whose requests do not wait for one another."""

from typing_extensions import override

from worker.adapters.redis_client import connect_redis_async, decoded_list, redis_errors
from worker.events import RecommendationList, list_key, popular_key
from worker.ports import ListReader
from worker.settings import RedisSettings


class RedisReader(ListReader):
    """Reads lists; to be used in one event loop. Connects at the first use."""

    def __init__(self, settings: RedisSettings) -> None:
        """Raises ConfigurationError for a bad address."""
        self._client = connect_redis_async(settings)
        self._prefix = settings.key_prefix

    @override
    async def read(self, user_id: str) -> RecommendationList | None:
        return await self._read(list_key(user_id, self._prefix))

    @override
    async def read_popular(self) -> RecommendationList | None:
        return await self._read(popular_key(self._prefix))

    @override
    async def close(self) -> None:
        await self._client.aclose()

    async def _read(self, key: str) -> RecommendationList | None:
        with redis_errors(self._client):
            content = await self._client.get(key)
        return decoded_list(key, content)
