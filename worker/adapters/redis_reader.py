"""Lists from Redis or Valkey for the HTTP API, whose requests do not wait for one another."""

import asyncio
from collections.abc import Sequence
from itertools import islice

from typing_extensions import override

from worker.adapters.redis_client import connect_redis_async, decoded_list, decoded_similar, redis_errors
from worker.events import RecommendationList, SimilarItems, list_key, popular_key, similar_key
from worker.ports import ListReader
from worker.settings import RedisSettings

Content = bytes | str | None
Wanted = tuple[Sequence[str], asyncio.Future[list[Content]]]  # keys, and who waits for what stands there


class RedisReader(ListReader):
    """Reads lists; to be used in one event loop. Connects at the first use.

    What is asked for while a call to Redis is on its way shares the next one: under load, calls are what costs.
    """

    def __init__(self, settings: RedisSettings) -> None:
        """Raises ConfigurationError for a bad address."""
        self._client = connect_redis_async(settings)
        self._prefix = settings.key_prefix
        self._wanted: list[Wanted] = []
        self._fetching: asyncio.Task[None] | None = None

    @override
    async def read(self, user_id: str) -> RecommendationList | None:
        return await self._list(list_key(user_id, self._prefix))

    @override
    async def read_popular(self) -> RecommendationList | None:
        return await self._list(popular_key(self._prefix))

    @override
    async def read_similar(self, item_ids: Sequence[str]) -> list[SimilarItems | None]:
        keys = [similar_key(item_id, self._prefix) for item_id in item_ids]
        return list(map(decoded_similar, keys, await self._contents(keys)))

    @override
    async def close(self) -> None:
        await self._client.aclose()

    async def _list(self, key: str) -> RecommendationList | None:
        (content,) = await self._contents([key])
        return decoded_list(key, content)

    async def _contents(self, keys: Sequence[str]) -> list[Content]:
        if not keys:
            return []
        found: asyncio.Future[list[Content]] = asyncio.get_running_loop().create_future()
        self._wanted.append((keys, found))
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_all())
        with redis_errors(self._client):
            return await found

    async def _fetch_all(self) -> None:
        while self._wanted:
            wanted, self._wanted = self._wanted, []
            await self._fetch(wanted)

    async def _fetch(self, wanted: list[Wanted]) -> None:
        """Tells all who wait; some may have given up."""
        try:
            contents = iter(await self._client.mget([key for keys, _ in wanted for key in keys]))
        except Exception as error:  # whatever it is, those who wait must hear of it
            for _, found in wanted:
                if not found.done():
                    found.set_exception(error)
            return
        for keys, found in wanted:
            own = list(islice(contents, len(keys)))
            if not found.done():
                found.set_result(own)
