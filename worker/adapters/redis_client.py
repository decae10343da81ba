"""Connecting to Redis or Valkey, with what encrypts the way and says who we are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.errors import ConfigurationError, ServiceUnavailable, StateError
from worker.events import RecommendationList, SimilarItems
from worker.settings import RedisSettings
from worker.settings_security import revealed

HEALTH_CHECK_SECONDS = 15

Client = TypeVar("Client", redis.Redis, redis.asyncio.Redis)

_decode_list = msgspec.json.Decoder(RecommendationList).decode
_decode_similar = msgspec.json.Decoder(SimilarItems).decode


def connect_redis(settings: RedisSettings) -> redis.Redis:
    """A client that connects at its first call and retries nothing. Raises ConfigurationError for a bad address."""
    return _connect(settings, redis.Redis, Retry(NoBackoff(), 0))


def connect_redis_async(settings: RedisSettings) -> redis.asyncio.Redis:
    """The same for coroutines."""
    return _connect(settings, redis.asyncio.Redis, AsyncRetry(NoBackoff(), 0))


def decoded_list(key: str, content: bytes | str | None) -> RecommendationList | None:
    """The list that stands under a key, or None. Raises StateError when something else does."""
    if content is None:
        return None
    try:
        found = _decode_list(content)
        if not len(found.items) == len(found.scores) == len(found.reasons):
            raise ValueError("items, scores and reasons are not as many")
    except (ValueError, RecursionError) as error:  # of msgspec, of UTF-8, of what is nested without end
        raise StateError(f"{key} in Redis holds no list: {error}", "delete the key, or use another database") from error
    return found


def decoded_similar(key: str, content: bytes | str | None) -> SimilarItems | None:
    """What goes with an item, as it stands under a key, or None. Raises StateError when something else does."""
    if content is None:
        return None
    try:
        found = _decode_similar(content)
        if len(found.items) != len(found.scores):
            raise ValueError("items and scores are not as many")
    except (ValueError, RecursionError) as error:
        raise StateError(
            f"{key} in Redis holds no similar items: {error}", "delete the key, or use another database"
        ) from error
    return found


@contextmanager
def redis_errors(client: redis.Redis | redis.asyncio.Redis) -> Iterator[None]:
    """Raises ServiceUnavailable for what the client raises."""
    try:
        yield
    except redis.RedisError as error:
        raise ServiceUnavailable(
            f"Redis at {address_of(client)} did not do it: {error}",
            "check that it runs, that MILLRACE_REDIS__URL names it, and its memory and access rules",
        ) from error


def _connect(settings: RedisSettings, kind: type[Client], retry: Retry | AsyncRetry) -> Client:
    url = revealed(settings.url)
    if url is None:
        raise ConfigurationError("no Redis address is set", "set MILLRACE_REDIS__URL")
    try:
        return kind.from_url(
            url,
            socket_timeout=settings.socket_timeout_seconds,
            socket_connect_timeout=settings.connect_timeout_seconds,
            health_check_interval=HEALTH_CHECK_SECONDS,
            retry=retry,
            **_tls_options(settings, urlsplit(url).scheme),
        )
    except ValueError:  # its text may hold the password
        raise ConfigurationError(
            "MILLRACE_REDIS__URL is no address", "write it like redis://user:password@localhost:6379/0"
        ) from None


def address_of(client: redis.Redis | redis.asyncio.Redis) -> str:
    """Where it is, without the password."""
    options = client.connection_pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host')}:{options.get('port', 6379)}")


def _tls_options(settings: RedisSettings, scheme: str) -> dict[str, Any]:
    files = {
        "ssl_ca_certs": settings.tls_ca_file,
        "ssl_certfile": settings.tls_certificate_file,
        "ssl_keyfile": settings.tls_key_file,
    }
    if scheme != "rediss":
        if any(files.values()):
            raise ConfigurationError("redis.tls_... is set, but MILLRACE_REDIS__URL does not encrypt", "use rediss://")
        return {}
    return {
        **{name: None if file is None else str(file) for name, file in files.items()},
        "ssl_password": revealed(settings.tls_key_password),
        "ssl_check_hostname": settings.tls_verify_hostname,
    }
