"""Settings of the HTTP API."""

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from worker.settings_section import Count, Positive, Section, Texts

LEAST_KEY_CHARACTERS = 16


class ApiSettings(Section):
    """The HTTP API of `millrace serve` (extra `api`)."""

    host: str = "127.0.0.1"
    """Address to listen on; in pods `0.0.0.0`, which asks for keys."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port to listen on; 0 = any free one."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 9109
    """Port of its own /metrics, /livez and /readyz, at `health.host`; 0 = any free one."""
    read_keys: SecretStr | None = None
    """Keys, separated by commas, that may read lists; each of at least 16 characters."""
    write_keys: SecretStr | None = None
    """Keys that may write events."""
    admin_keys: SecretStr | None = None
    """Keys that may do everything. Without any key everyone may, on this machine alone."""
    max_request_bytes: Count = 1_000_000
    """Larger requests are refused; no more is read of them."""
    max_events: Count = 1000
    """Most events in one request."""
    requests_per_second: Annotated[float, Field(ge=0)] = 0.0
    """Most requests with one key in a second, on average; 0 = any number."""
    acknowledge_seconds: Positive = 5.0
    """Longest wait until Kafka has what was sent; then the answer is 503."""
    cors_origins: Texts = ()
    """Where pages may come from whose scripts ask the API, as in `https://shop.example`; none = from nowhere else."""
    console: bool = True
    """Whether to serve the console, at /console."""
    workers: Texts = ()
    """Where the console finds the workers' figures, as in `http://millrace:9108/metrics`; all behind a name."""
    max_streams: Count = 200
    """Most pages that may be kept up to date at once, by each process."""

    @field_validator("read_keys", "write_keys", "admin_keys")
    @classmethod
    def _long_enough(cls, keys: SecretStr | None) -> SecretStr | None:
        if any(len(key) < LEAST_KEY_CHARACTERS for key in separate_keys(keys)):
            raise ValueError(f"a key has fewer than {LEAST_KEY_CHARACTERS} characters")
        if not all(key.isascii() and key.isprintable() and " " not in key for key in separate_keys(keys)):
            raise ValueError("a key has a space, or a character that is not ASCII: no header can hold it")
        return keys

    @field_validator("workers")
    @classmethod
    def _over_http(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for each in addresses:
            parts = urlsplit(each)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"{each[:80]!r} is no address as in http://worker-0:9108/metrics")
        return addresses

    @property
    def has_keys(self) -> bool:
        """Whether any key is set."""
        return any(map(separate_keys, (self.read_keys, self.write_keys, self.admin_keys)))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can ask."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine's for itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def separate_keys(keys: SecretStr | None) -> list[str]:
    """The keys in a setting, one by one."""
    return [] if keys is None else [key for part in keys.get_secret_value().split(",") if (key := part.strip())]
