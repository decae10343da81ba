"""What may be searched: settings that the recommender reads and that an evaluation on a file can tell apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from worker.errors import ConfigurationError
from worker.settings import Settings

Value = bool | int | float | str

KIND, OBJECTIVE = "events.kinds.", "learning.objective"
WEIGHTS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
REJECTIONS = (-2.0, -1.0, -0.5, -0.2, -0.1)

CHOICES: Mapping[str, tuple[Value, ...]] = {
    "learning.renewal": (False, True),
    "learning.ranker_share": (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0),
    "learning.ranker_warmup_events": (500, 1000, 2000, 4000, 8000, 16_000),
    "experts.sequence": (False, True),
    "experts.sequence_interval_events": (128, 256, 512, 1024, 2048),
    "experts.sequence_encoder": ("attention", "sasrec", "gru", "cnn", "pooled"),
}
DEFAULT = ("learning.renewal",)  # those of the sequence expert, and of the share, also change what it costs


class Need(NamedTuple):
    """A setting is of effect only while another one is unlike `idle`."""

    setting: str
    idle: Value


NEEDS: Mapping[str, Need] = {
    "experts.sequence_interval_events": Need("experts.sequence", False),
    "experts.sequence_encoder": Need("experts.sequence", False),
    "learning.ranker_warmup_events": Need("learning.ranker_share", 1.0),
}


@dataclass(frozen=True, slots=True)
class Space:
    """The values that each searched setting may take, in order, those in force among them.

    Attributes:
        choices: by name; a setting stands after the one that it needs.
        in_force: the values to beat.
    """

    choices: Mapping[str, tuple[Value, ...]]
    in_force: Mapping[str, Value]

    def is_of_effect(self, name: str, chosen: Mapping[str, Value]) -> bool:
        """Whether the setting does anything beside those that are chosen already."""
        need = NEEDS.get(name)
        return need is None or need.setting not in chosen or chosen[need.setting] != need.idle


def space_of(
    settings: Settings, kinds: Sequence[str], scored: Collection[str], anchor: str, names: Sequence[str] = ()
) -> Space:
    """The space over `names`, or over those that cost nothing: renewal, the weights of kinds, and the objective.

    `kinds` are those of the stream that teach, `scored` those that count; the weight of `anchor` stays as it is, for
    only ratios of weights matter much. Raises ConfigurationError for a name that cannot be searched.
    """
    weights = [f"{KIND}{kind}" for kind in kinds if kind and kind != anchor]
    aims = [OBJECTIVE] if set(kinds) - set(scored) else []
    wanted = [*dict.fromkeys(names)] or [*DEFAULT, *aims, *weights]
    for name in wanted:
        _check(name, [*aims, *weights], wanted, settings)
    wanted.sort(key=lambda name: name in NEEDS)
    in_force = {name: value_of(settings, name) for name in wanted}
    return Space({name: _with(_choices(name, in_force[name], scored), in_force[name]) for name in wanted}, in_force)


def as_settings(values: Mapping[str, Value]) -> dict[str, Any]:
    """The values as a file of settings has them: kinds one by one."""
    return {
        name: list(filter(None, str(value).split(","))) if name == OBJECTIVE else value
        for name, value in values.items()
    }


def value_of(settings: Settings, name: str) -> Value:
    """The setting of a name such as `learning.renewal` or `events.kinds.purchase`."""
    section, setting, *entry = name.split(".", 2)
    value: Any = getattr(getattr(settings, section), setting)
    found: Value = value[entry[0]] if entry else ",".join(value) if isinstance(value, tuple) else value
    return found


def _choices(name: str, in_force: Value, scored: Collection[str]) -> tuple[Value, ...]:
    if name == OBJECTIVE:
        return "", ",".join(sorted(scored))
    if not name.startswith(KIND):
        return CHOICES[name]
    return WEIGHTS if float(in_force) > 0 else REJECTIONS


def _with(choices: tuple[Value, ...], value: Value) -> tuple[Value, ...]:
    if value in choices:
        return choices
    return (*choices, value) if isinstance(value, str) else tuple(sorted((*choices, value), key=float))


def _check(name: str, of_stream: Sequence[str], wanted: Sequence[str], settings: Settings) -> None:
    if name.startswith(KIND) and name not in of_stream:
        raise ConfigurationError(
            f"{name} cannot be searched: no event of that kind teaches, or the other weights are in proportion to it",
            f"search {', '.join(of_stream) or 'other settings'}",
        )
    if name == OBJECTIVE and name not in of_stream:
        raise ConfigurationError(
            f"{name} cannot be searched: all kinds that teach count", "let some count: --score KIND"
        )
    if name not in CHOICES and name not in of_stream:
        raise ConfigurationError(
            f"{name} cannot be searched: it is no setting that an evaluation on a file can tell apart",
            f"there are {', '.join([*CHOICES, *of_stream])}",
        )
    need = NEEDS.get(name)
    if need and need.setting not in wanted and value_of(settings, need.setting) == need.idle:
        raise ConfigurationError(
            f"{name} does nothing while {need.setting} is {str(need.idle).lower()}",
            f"search {need.setting} too, or set it",
        )
