"""Which way a question goes: to Redis, or to the HTTP API."""

import time

from worker.client.question import Answer, FromRedis, Question
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.settings import RedisSettings, load

DETOUR_SECONDS = 1.0


class Way:
    """Redis first, where it can answer; for a second after it failed, HTTP at once."""

    def __init__(self, redis_url: str | None, http_url: str | None) -> None:
        """Raises ConfigurationError where there is neither."""
        if not redis_url and not http_url:
            raise ConfigurationError("a client has nobody to ask", "give redis_url, http_url, or both")
        self._has_redis, self._has_http = bool(redis_url), bool(http_url)
        self._detour_until_seconds = 0.0

    def redis_part(self, question: Question[Answer]) -> FromRedis[Answer] | None:
        """How to ask Redis; None = HTTP is to be asked.

        Raises ConfigurationError where only HTTP could answer, and no address of it is known.
        """
        if question.redis is None and not self._has_http:
            raise ConfigurationError(f"{question.why}, and none is named", "give http_url")
        is_on_detour = self._has_http and time.monotonic() < self._detour_until_seconds
        return question.redis if self._has_redis and not is_on_detour else None

    def redis_failed(self, error: ServiceUnavailable) -> None:
        """HTTP is asked now. Raises the error where there is none."""
        if not self._has_http:
            raise ServiceUnavailable(str(error), "check that it runs, and redis_url; or give http_url too") from error
        self._detour_until_seconds = time.monotonic() + DETOUR_SECONDS


def redis_settings(url: str, key_prefix: str, timeout_seconds: float) -> RedisSettings:
    """Those of a client. Raises ConfigurationError."""
    values = {"url": url, "key_prefix": key_prefix}
    times = {"connect_timeout_seconds": timeout_seconds, "socket_timeout_seconds": timeout_seconds}
    return load(overrides={f"redis.{name}": value for name, value in (values | times).items()}, environment={}).redis
