"""Secrets that stand in files: a variable that ends in `_FILE` names the file of a secret setting."""

from collections.abc import Callable, Mapping
from pathlib import Path

from worker.errors import ConfigurationError

SUFFIX = "_file"
MOST_BYTES = 65_536


def opened(variables: Mapping[str, str], names_file: Callable[[str], bool]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables, those that name files replaced by the secrets' own, and by which variable each of these was set.

    Whitespace at a file's end is not a part of the secret. Raises ConfigurationError for a file that cannot be read or
    is larger than 64 KiB, and for a secret that is given twice.
    """
    files = {name[: -len(SUFFIX)]: name for name in variables if names_file(name)}
    for secret, name in files.items():
        if secret in variables:
            raise ConfigurationError(f"{secret} and {name} are both set", "set one of them")
    others = {name: value for name, value in variables.items() if name not in files.values()}
    return others | {secret: _content(name, Path(variables[name])) for secret, name in files.items()}, files


def _content(name: str, file: Path) -> str:
    try:
        with file.open("rb") as opened_file:
            content = opened_file.read(MOST_BYTES + 1)
        text = content.decode("utf-8").rstrip()
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot read {file}: {error.strerror}", "name a readable file") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {file} is not text", "write the secret into it, nothing else") from None
    if len(content) > MOST_BYTES:
        raise ConfigurationError(f"{name}: {file} is larger than {MOST_BYTES} bytes", "write the secret alone into it")
    return text
