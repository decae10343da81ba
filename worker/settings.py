"""Frozen settings: the only reader of the environment and of the configuration file.

Precedence: flag > environment (`MILLRACE_KAFKA__BOOTSTRAP_SERVERS`) > TOML file > default. An unknown name
stops the start. Secrets are masked wherever settings are shown.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from worker.errors import ConfigurationError

ENV_PREFIX = "MILLRACE_"
CONFIG_FILE_VARIABLE = "MILLRACE_CONFIG"

DEFAULT_KINDS: dict[str, float] = {
    "view_item": 1.0,
    "select_item": 1.0,
    "add_to_cart": 1.0,
    "purchase": 1.0,
    "rate": 1.0,
    "like": 1.0,
    "remove_from_cart": 0.0,
    "dislike": 0.0,
    "view_item_list": 0.0,
}

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """A group of settings: frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class KafkaSettings(Section):
    """Where events come from."""

    bootstrap_servers: str | None = None
    """Addresses `host:port,host:port` of the brokers."""
    events_topic: str = "events"
    """Topic of the interaction events, keyed by user id."""
    items_topic: str = "items"
    """Compacted topic of the catalogue, keyed by item id."""
    dead_letter_topic: str = "events.dlq"
    """Topic of rejected records."""
    partitions: Count = 8
    """Partitions of the events topic when it is created."""
    group_id: str = "millrace"
    """Consumer group; its members share the partitions."""
    instance_id: str | None = None
    """Static member name (in pods: the pod's name); a restart then moves no partition."""
    session_timeout_seconds: Positive = 30.0
    """A worker that is silent for longer loses its partitions."""
    heartbeat_interval_seconds: Positive = 1.0
    """Time between heartbeats."""
    max_poll_interval_seconds: Positive = 120.0
    """A worker that works longer than this on one batch loses its partitions."""
    max_poll_records: Count = 5000
    """Most records in one batch."""
    poll_seconds: Positive = 0.05
    """Longest wait for records; bounds how late a due refresh can be."""
    connect_timeout_seconds: Positive = 10.0
    """How long one attempt to reach the brokers at the start lasts."""
    request_timeout_seconds: Positive = 10.0
    """How long a request to a broker may take."""
    reconnect_backoff_max_seconds: Positive = 1.0
    """Longest pause between two attempts to reconnect."""


class RedisSettings(Section):
    """Where lists go."""

    url: SecretStr | None = None
    """Address, e.g. `redis://localhost:6379/0`."""
    connect_timeout_seconds: Positive = 0.5
    """How long connecting may take."""
    socket_timeout_seconds: Positive = 1.0
    """How long one call may take."""


class EventSettings(Section):
    """How events are read."""

    format: Literal["millrace", "ga4", "segment", "snowplow", "google_retail", "personalize", "cloudevents"] = (
        "millrace"
    )
    """Shape of the records' JSON."""
    kinds: dict[str, Annotated[float, Field(ge=0)]] = DEFAULT_KINDS
    """Known kinds of event and their weights in learning; 0 = accepted and counted, not learned."""
    max_record_bytes: Count = 1_000_000
    """Larger records are rejected unread."""
    max_id_characters: Count = 128
    """Longer user or item ids are rejected."""


class CleanSettings(Section):
    """What is kept away from the models. 0 switches a limit off."""

    dedupe_window_events: Annotated[int, Field(ge=0)] = 50_000
    """Events of a partition among which a duplicate is surely recognised (up to twice as many are kept)."""
    max_future_seconds: Annotated[float, Field(ge=0)] = 300.0
    """Furthest an event's time may lie ahead of its record's time."""
    max_age_days: Annotated[float, Field(ge=0)] = 3650.0
    """Furthest an event's time may lie behind its record's time."""
    max_lateness_seconds: Annotated[float, Field(ge=0)] = 7 * 86_400.0
    """Furthest an event may lie behind the newest event of its partition."""
    max_user_events_per_minute: Annotated[int, Field(ge=0)] = 300
    """More events of one user in one minute of event time come from a robot."""


class LearningSettings(Section):
    """How the models learn and what they may recommend."""

    repeats: Literal["auto", "allow", "exclude"] = "auto"
    """Whether items that the user already has may be recommended; `auto` learns it from the stream."""
    mixture_share: Annotated[float, Field(gt=0, le=1)] = 1 / 16
    """Share of events that also teach the mixture which expert to trust."""
    mixture_warmup_events: Annotated[int, Field(ge=0)] = 2000
    """At the start every event teaches the mixture, up to this many."""
    seed: int = 0
    """Seed of whatever is drawn."""


class MemorySettings(Section):
    """Bounds on what is remembered."""

    max_items: Count = 100_000
    """Items that a worker knows at once; the least popular make room."""
    max_users: Count = 200_000
    """Users that a partition knows at once; those longest away make room."""


class RefreshSettings(Section):
    """When lists are ranked again."""

    coalesce_seconds: Annotated[float, Field(ge=0)] = 0.25
    """A user's list is refreshed at most once in this time."""
    budget: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Most of its time that a worker which is behind spends on ranking and publishing."""
    chunk_users: Count = 256
    """Users that are ranked and published in one go."""


class ListSettings(Section):
    """What is published."""

    size: Annotated[int, Field(gt=0, le=100)] = 20
    """Items in a list."""
    ttl_seconds: Positive = 7 * 86_400.0
    """A list that is not renewed disappears after this time."""
    ttl_jitter: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share by which the time to live varies, so that lists do not all end at once."""
    popular_interval_seconds: Positive = 5.0
    """Time between two writes of the popular list."""


class SnapshotSettings(Section):
    """What survives a crash."""

    directory: Path = user_data_path("millrace") / "snapshots"
    """Folder shared by all workers of the group."""
    interval_seconds: Positive = 30.0
    """Time between two snapshots."""
    keep: Count = 3
    """Snapshots that are kept."""


class HealthSettings(Section):
    """The port of /metrics, /livez and /readyz."""

    host: str = "127.0.0.1"
    """Address to listen on; in pods `0.0.0.0`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9108
    """Port to listen on; 0 = any free one."""
    stall_seconds: Positive = 60.0
    """/livez fails when the loop has made no round for this long."""


class RunSettings(Section):
    """Starting and stopping."""

    drain_seconds: Positive = 20.0
    """After SIGTERM: time to finish the batch, publish, snapshot and leave."""
    service_wait_seconds: Annotated[float, Field(ge=0)] = 0.0
    """How long to wait for Kafka and Redis at the start; 0 = for ever."""


class LogSettings(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is shown."""
    format: Literal["console", "json"] = "console"
    """`json` = one object a line, for pods."""


class Settings(BaseSettings):
    """All settings of a worker."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    events: EventSettings = EventSettings()
    clean: CleanSettings = CleanSettings()
    learning: LearningSettings = LearningSettings()
    memory: MemorySettings = MemorySettings()
    refresh: RefreshSettings = RefreshSettings()
    lists: ListSettings = ListSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    health: HealthSettings = HealthSettings()
    run: RunSettings = RunSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leaves merging to `load`: environment first, then what was handed in from the file."""
        return env_settings, init_settings


def load(
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Reads settings from file and environment; `overrides` (`{"kafka.group_id": "x"}`, from flags) win.

    Raises ConfigurationError that names the setting, what is wrong with it and what would be right.
    """
    environment = os.environ if environment is None else environment
    named = environment.get(CONFIG_FILE_VARIABLE)
    file = file or (Path(named) if named else None)
    _refuse_unknown_variables(environment)
    try:
        settings = Settings(**(_read_file(file) if file else {}))
        return _with_overrides(settings, overrides or {})
    except ValidationError as error:
        raise ConfigurationError(*_explain(error)) from error


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {file}: {error.strerror}", "give --config a readable TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML: {error}", "see `millrace config show` for its form") from error


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {CONFIG_FILE_VARIABLE}
    for section, field in Settings.model_fields.items():
        known.add(f"{ENV_PREFIX}{section}".upper())
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            known |= {f"{ENV_PREFIX}{section}__{name}".upper() for name in kind.model_fields}
    for name in sorted(environment):
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in known:
            raise ConfigurationError(f"unknown setting {name} in the environment", "`millrace config schema` lists all")


def _with_overrides(settings: Settings, overrides: Mapping[str, Any]) -> Settings:
    values = {name: dict(getattr(settings, name)) for name in Settings.model_fields}
    for dotted, value in overrides.items():
        section, _, name = dotted.partition(".")
        values[section][name] = value
    return (
        Settings.model_validate(
            {name: type(getattr(settings, name)).model_validate(fields) for name, fields in values.items()}
        )
        if overrides
        else settings
    )


def _explain(error: ValidationError) -> tuple[str, str]:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown setting {name}", "`millrace config schema` lists all"
    shown = "" if "url" in name else f" (got {first.get('input')!r})"
    return f"setting {name}: {first['msg']}{shown}", "`millrace config schema` tells what it takes"
