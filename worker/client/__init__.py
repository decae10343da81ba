"""Lists for applications: straight from Redis, over HTTP where that is away or not named. See `Client`."""

from worker.client.asynchronous import AsyncClient
from worker.client.synchronous import Client

__all__ = ["AsyncClient", "Client"]
