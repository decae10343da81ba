"""Both clients, asked alike."""

import asyncio
from typing import Any, Self

from worker.client import AsyncClient, Client


class Asker:
    """Calls a client's methods by name."""

    def __init__(self, **options: Any) -> None:
        self._client = Client(**options)

    def ask(self, method: str, *args: Any, **others: Any) -> Any:
        """The answer."""
        return getattr(self._client, method)(*args, **others)

    def close(self) -> None:
        """Closes the client."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncAsker(Asker):
    """The same in an event loop of its own."""

    def __init__(self, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._async_client = AsyncClient(**options)

    def ask(self, method: str, *args: Any, **others: Any) -> Any:
        """The answer."""
        return self._runner.run(getattr(self._async_client, method)(*args, **others))

    def close(self) -> None:
        """Closes the client, then the loop."""
        with self._runner:
            self._runner.run(self._async_client.close())


ASKERS = {"sync": Asker, "async": AsyncAsker}
