"""Connecting to Redis or Valkey, with what encrypts the way and says who we are."""

from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.errors import ConfigurationError
from worker.settings import RedisSettings
from worker.settings_security import revealed

HEALTH_CHECK_SECONDS = 15


def connect_redis(settings: RedisSettings) -> redis.Redis:
    """A client that connects at its first call and retries nothing. Raises ConfigurationError for a bad address."""
    url = revealed(settings.url)
    if url is None:
        raise ConfigurationError("no Redis address is set", "set MILLRACE_REDIS__URL")
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=settings.socket_timeout_seconds,
            socket_connect_timeout=settings.connect_timeout_seconds,
            health_check_interval=HEALTH_CHECK_SECONDS,
            retry=Retry(NoBackoff(), 0),
            **_tls_options(settings, urlsplit(url).scheme),
        )
    except ValueError:  # its text may hold the password
        raise ConfigurationError(
            "MILLRACE_REDIS__URL is no address", "write it like redis://user:password@localhost:6379/0"
        ) from None


def address_of(client: redis.Redis) -> str:
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
