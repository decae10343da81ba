"""Frozen settings: the only reader of the environment and of the configuration file.

Precedence: flag > environment (`MILLRACE_KAFKA__BOOTSTRAP_SERVERS`) > TOML file > default. An unknown name
stops the start. Secrets are masked wherever settings are shown.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from worker.settings_api import ApiSettings
from worker.settings_section import Count, Positive, Section, Texts
from worker.settings_security import KafkaSecurity, Tls
from worker.settings_sources import Loaded, read

ENV_PREFIX = "MILLRACE_"
CONFIG_FILE_VARIABLE = "MILLRACE_CONFIG"

DEFAULT_KINDS: dict[str, float] = {
    "view_item": 0.3,
    "select_item": 0.28,
    "add_to_cart": 0.5,
    "purchase": 1.0,
    "rate": 0.98,
    "like": 0.96,
    "remove_from_cart": -0.5,
    "dislike": -1.0,
    "return": -1.0,
    "refund": -1.0,
    "view_item_list": 0.0,
    "not_interested": -1.0,
    "already_have": -0.01,
    "wrong_reason": -0.01,
    "report": -1.0,
}

Weight = Annotated[float, Field(ge=-100, le=100)]
Price = Annotated[float, Field(ge=0)]


class KafkaSettings(KafkaSecurity):
    """Where events come from."""

    bootstrap_servers: str | None = None
    """Addresses `host:port,host:port` of the brokers."""
    events_topic: str = "events"
    """Topic of the interaction events, keyed by user id."""
    items_topic: str = "items"
    """Compacted topic of the catalogue, keyed by item id."""
    control_topic: str = "control"
    """Compacted topic of what people decide: rules for lists, and users to be forgotten."""
    review_topic: str = "review"
    """Compacted topic of what a person should look at: items that users reported, and lists that look odd."""
    audit_topic: str = "audit"
    """Topic of who decided what, when."""
    dead_letter_topic: str = "events.dlq"
    """Topic of rejected records."""
    dead_letters_per_second: Annotated[float, Field(ge=0)] = 1000.0
    """Most rejected records that are parked in a second, on average; others are only counted. 0 = any number."""
    dead_letters_waiting: Count = 2000
    """Most rejected records that wait for the broker at once; others are only counted."""
    partitions: Count = 8
    """Partitions of the events topic when it is created; so many share `memory.users_bytes`."""
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
    on_gap: Literal["stop", "skip"] = "stop"
    """When the position to resume from fell out of retention: stop with an error, or skip what was lost."""


def topics_called(name: str) -> dict[str, str]:
    """Of the section `kafka`, the topics of a worker that shares none with others: `name`, and others beside it."""
    beside = {f"{kind}_topic": f"{name}.{kind}" for kind in ("items", "control", "review", "audit")}
    return {"events_topic": name, **beside, "dead_letter_topic": f"{name}.dlq"}


class RedisSettings(Tls):
    """Where lists go."""

    url: SecretStr | None = None
    """Address, e.g. `redis://localhost:6379/0`, or `rediss://user:password@host:6379/0` for TLS and a user."""
    key_prefix: Annotated[str, Field(pattern=r"^[^{}\s]+$")] = "recs:v1"
    """What the keys of lists begin with; whoever reads them must know it."""
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
    kinds: dict[str, Weight] = DEFAULT_KINDS
    """Kinds and their weights in learning, beside or in place of the standard ones; 0 = none, below 0 = a rejection."""
    rating_kinds: Texts = ("rate",)
    """Kinds of event whose `value` is a rating; with none of them no rating is a rejection."""
    low_rating: float = 2.0
    """A rating of this or less is a rejection: the weight of its kind counts below 0."""
    report_kinds: Texts = ("report",)
    """Kinds of event by which users report an item: it goes to the review topic, where a person looks at it."""
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
    objective: Texts = ()
    """Kinds of event that lists are to foresee, as in `purchase`; ranker and mixture learn these alone. None = all."""
    ranker_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Least share of events that teach ranker, item vectors and mixture; less is faster, all teach the tables."""
    ranker_warmup_events: Annotated[int, Field(ge=0)] = 4000
    """So many events at the start all teach the ranker, every second of as many then, down to the share."""
    renewal: bool = True
    """Whether learning rates rise for a while when the stream changes."""


class ExpertSettings(Section):
    """Models that take part only where they are asked for, because they cost more time than the others."""

    content: bool = False
    """Whether items are known by what the catalogue says of them too; items that nobody had yet come into lists so."""
    text_encoder: Path | None = None
    """Folder of a sentence-transformers model that reads what the catalogue says, beside its words (extra `text`)."""
    embedding_width: Annotated[int, Field(ge=0, le=4096)] = 0
    """Numbers in the `embedding` that items of the catalogue bring; one of another width is passed over. 0 = none."""
    sequence: bool = False
    """Whether an attention model of the order of the last items takes part; it brings most where histories are long."""
    sequence_interval_events: Count = 512
    """Events between two trainings of it, of about 0.1 s each, by a thread of their own; more is cheaper."""
    sequence_encoder: Literal["attention", "sasrec", "gru", "cnn", "pooled"] = "attention"
    """How it reads the last items; docs/models.md compares them. Another one than the snapshot's begins anew."""
    sequence_base: Path | None = None
    """Folder of a model that `millrace train` made, in which it starts, encoder and all. Another one begins anew."""
    sequence_head: Texts = ()
    """Kinds of event whose heads score, of a model of several tasks; none = those of `learning.objective`, or all."""
    sequence_tuning: Literal["everything", "top", "lora", "prefix"] = "everything"
    """What training may change of it; docs/deep-models.md compares. Items it does not know are always learned."""
    sequence_adapter_size: Count = 8
    """Rank of `lora`, or number of vectors of `prefix`."""
    sequence_rate: Positive | None = None
    """Learning rate; none = .003, with a model to start from .0003."""
    sequence_proposals: Annotated[int, Field(ge=0, le=128)] | None = None
    """Items that it proposes itself, the best of all by its score; none = 64 with a model to start from, else 0."""
    sequence_budget: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Most of one core that training it may take; what is due beyond is left out. 1 = the worker waits, none is."""
    sequence_round_seconds: Positive = 0.1
    """A round of lists waits no longer than this for it; what is not encoded then is ranked without it, and counted."""


class MemorySettings(Section):
    """Budgets for what is remembered; docs/memory.md says what an item and a user take."""

    items_bytes: Count = 300_000_000
    """For all items that a worker knows; beyond it, the least popular make room."""
    users_bytes: Count = 1_100_000_000
    """For the users of all partitions, each with an equal share of `kafka.partitions`; those longest away make room."""


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
    similar_size: Annotated[int, Field(ge=0, le=100)] = 20
    """Items that are published as similar to each item; 0 = none, and no lists for sessions."""
    similar_interval_seconds: Positive = 1.0
    """Time between two rounds that publish similar items, of 500 items at most and 5 % of the time."""
    allowed_categories: Texts = ()
    """Only items of these categories of the catalogue stand in lists; none = of all categories."""
    blocked_categories: Texts = ()
    """Items of these categories of the catalogue do not stand in lists."""
    min_price: Price | None = None
    """Items that cost less, or have no price in the catalogue, do not stand in lists."""
    max_price: Price | None = None
    """Items that cost more, or have no price in the catalogue, do not stand in lists."""
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    """From 0 = the best items, to 1 = items as different as can be; .5 puts a twin back as if e times less likely."""
    max_per_category: Annotated[int, Field(ge=0)] = 0
    """Most items of one category in a list, which may get shorter by that; 0 = any number."""
    exploration_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Chance that the last place of a list goes to a new item, drawn evenly; 0 = never."""
    exploration_events: Count = 5
    """An item is new as long as it had fewer events."""
    odd_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """An item in so large a share of lists that is not among the hundred most popular waits for a review; 0 = none."""
    explanations: bool = False
    """Publish for each item what its score is made of and the user's own items that moved it; ten times the bytes."""
    recent_events: Annotated[int, Field(ge=0, le=20)] = 0
    """Publish with each list so many of the user's last events: item, kind, time; 0 = none."""

    @field_validator("blocked_categories")
    @classmethod
    def _not_allowed_too(cls, blocked: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        both = set(blocked) & set(info.data.get("allowed_categories", ()))
        if both:
            raise ValueError(f"{', '.join(sorted(both))} is also in lists.allowed_categories")
        return blocked

    @field_validator("max_price")
    @classmethod
    def _not_below_the_least(cls, most: float | None, info: ValidationInfo) -> float | None:
        least = info.data.get("min_price")
        if most is not None and least is not None and most < least:
            raise ValueError(f"is below lists.min_price, {least:g}")
        return most


class SnapshotSettings(Section):
    """What survives a crash."""

    directory: Path = Field(default_factory=lambda: user_data_path("millrace") / "snapshots")
    """Folder shared by all workers of the group; by default in the user's own data folder."""
    url: str = ""
    """An object store in its place, as in `s3://bucket/prefix`, `gs://...`, `az://...`; empty = the folder."""
    endpoint: str = ""
    """Address of an object store that is not the provider's own, as in `http://minio:9000`."""
    request_timeout_seconds: Positive = 10.0
    """How long one request to the object store may take; a blob goes in pieces of 8 MiB."""
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
    tracing: bool = False
    """Whether spans of batches go where `OTEL_EXPORTER_OTLP_ENDPOINT` says (extra `tracing`)."""


class LogSettings(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is shown."""
    format: Literal["console", "json"] = "console"
    """`json` = one object a line, for pods."""


class Settings(BaseSettings):
    """All settings of a worker. Made directly, they are the defaults; `load` reads what else there is."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    events: EventSettings = EventSettings()
    clean: CleanSettings = CleanSettings()
    learning: LearningSettings = LearningSettings()
    experts: ExpertSettings = ExpertSettings()
    memory: MemorySettings = MemorySettings()
    refresh: RefreshSettings = RefreshSettings()
    lists: ListSettings = ListSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    api: ApiSettings = ApiSettings()
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
        """Only what is handed in: nothing reads the environment unasked."""
        return (init_settings,)


def load(
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Reads settings from file and environment; `overrides` (`{"kafka.group_id": "x"}`, from flags) win.

    An empty variable counts as absent. Raises ConfigurationError that names the setting, where it was set, what is
    wrong with it and what would be right.
    """
    return load_with_origins(file, overrides, environment).settings


def load_with_origins(
    file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Loaded[Settings]:
    """Like `load`, and says where each value comes from."""
    given = os.environ if environment is None else environment
    variables = {name: value for name, value in given.items() if value}
    named = variables.pop(CONFIG_FILE_VARIABLE, None)
    return read(Settings, overrides or {}, variables, file or (Path(named) if named else None))
