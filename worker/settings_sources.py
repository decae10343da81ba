"""Reads settings from flags, the environment and a TOML file, and says in words for people what is wrong with them."""

import difflib
import reprlib
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource, SettingsError
from pydantic_settings.sources import DefaultSettingsSource

from worker.errors import ConfigurationError
from worker.secret_files import SUFFIX, opened

FLAG = "a flag"
SEE_SCHEMA = "`millrace config schema` lists all"

S = TypeVar("S", bound=BaseSettings)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """Settings and where they come from.

    Attributes:
        origins: by name (`kafka.group_id`), for those that were set: the variable, the file, or a flag.
    """

    settings: S
    origins: dict[str, str]


def read(model: type[S], flags: Mapping[str, Any], variables: Mapping[str, str], file: Path | None) -> Loaded[S]:
    """Settings of a class that is made of sections; flags win over variables, these over the file.

    Args:
        model: the class; its configuration names the prefix of variables.
        flags: values by name, such as `kafka.group_id`.
        variables: the environment; what does not bear the prefix is left alone. `..._FILE` names a secret's file.
        file: TOML, a table a section.

    Raises ConfigurationError that names the setting and where it was set.
    """
    in_file = _read_file(file) if file else {}
    values, files = opened(variables, lambda variable: _names_file_of_secret(model, variable))
    own = {_name_of(model, variable): variable for variable in values if _has_prefix(model, variable)}
    set_by = {name: files.get(variable, variable) for name, variable in own.items()}
    layers = (dict.fromkeys(_names(in_file), str(file)), set_by, dict.fromkeys(flags, FLAG))  # the strongest comes last
    for layer in layers:
        _refuse_unknown(model, layer)
    origins = {setting_of(name): origin for layer in layers for name, origin in layer.items()}
    environment = EnvSettingsSource(model)
    environment.env_vars = {variable.lower(): values[variable] for variable in own.values()}
    sources = (
        InitSettingsSource(model, _nested(flags)),
        environment,
        InitSettingsSource(model, in_file),
        DefaultSettingsSource(model),
    )
    with _explained(model, origins):
        return Loaded(model(_build_sources=(sources, {})), origins)


def field_of(model: type[BaseModel], name: str) -> FieldInfo | None:
    """The field that a name such as `kafka.group_id` or `events.kinds.view_item` lies in; None = there is none."""
    section, _, rest = name.partition(".")
    inner = model.model_fields[section].annotation if section in model.model_fields else None
    if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        return None
    setting, _, entry = rest.partition(".")
    field = inner.model_fields.get(setting)
    return field if field and (not entry or is_table(field)) else None


def is_table(field: FieldInfo | None) -> bool:
    """Whether the setting is a table of entries."""
    return field is not None and get_origin(field.annotation) is dict


def is_secret(field: FieldInfo | None) -> bool:
    """Whether the setting must not be shown."""
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def setting_of(name: str) -> str:
    """The setting that a name names, or names an entry of."""
    return ".".join(name.split(".")[:2])


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {file}: {error.strerror}", "give --config a readable TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML: {error}", "see `millrace config show` for its form") from error


def _has_prefix(model: type[BaseSettings], variable: str) -> bool:
    return variable.lower().startswith(_prefix(model))


def _names_file_of_secret(model: type[BaseSettings], variable: str) -> bool:
    name = _name_of(model, variable) if _has_prefix(model, variable) else ""
    return name.endswith(SUFFIX) and field_of(model, name) is None and is_secret(field_of(model, name[: -len(SUFFIX)]))


def _name_of(model: type[BaseSettings], variable: str) -> str:
    return variable.lower().removeprefix(_prefix(model)).replace(str(model.model_config["env_nested_delimiter"]), ".")


def _prefix(model: type[BaseSettings]) -> str:
    return str(model.model_config["env_prefix"]).lower()


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    """`section.setting` of all that a file sets."""
    for section, settings in values.items():
        if isinstance(settings, Mapping):
            yield from (f"{section}.{setting}" for setting in settings)
        else:
            yield section


def _nested(flags: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in flags.items():
        *path, last = name.split(".", 2)
        place = values
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return values


def _refuse_unknown(model: type[BaseSettings], names: Mapping[str, str]) -> None:
    for name, origin in names.items():
        if field_of(model, name) is None:
            known = [
                f"{section}.{setting}" for section in model.model_fields for setting in _settings_in(model, section)
            ]
            close = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {close[0]}? {SEE_SCHEMA}" if close else SEE_SCHEMA
            raise ConfigurationError(f"unknown setting {name} (from {origin})", remedy)


def _settings_in(model: type[BaseSettings], section: str) -> Iterator[str]:
    inner = model.model_fields[section].annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        yield from inner.model_fields


@contextmanager
def _explained(model: type[BaseSettings], origins: Mapping[str, str]) -> Iterator[None]:
    """Errors in our words; theirs hold the values, secrets too, so they do not travel along."""
    try:
        yield
    except ValidationError as error:
        causes = "; ".join(_cause(model, details, origins) for details in error.errors())
        raise ConfigurationError(causes, "`millrace config schema` tells what it takes") from None
    except SettingsError as error:  # only tables are JSON
        names = [origin for name, origin in origins.items() if is_table(field_of(model, name))]
        raise ConfigurationError(
            f"{' or '.join(names)} is not JSON: {error.__cause__}", 'write it like {"view_item": 1.0}'
        ) from None


def _cause(model: type[BaseSettings], details: ErrorDetails, origins: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in details["loc"])
    field = field_of(model, name)
    shown = "" if field is None or is_secret(field) else f", not {reprlib.repr(details['input'])}"
    message = details["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    origin = origins.get(setting_of(name), "the default")
    return f"setting {name} (from {origin}): {message}{shown}"
