"""Who may do what: API keys and their scopes."""

import hashlib
import hmac
from enum import StrEnum

from worker.errors import ConfigurationError
from worker.settings_api import ApiSettings, separate_keys


class Scope(StrEnum):
    """What a key may do; `admin` may do everything."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Keys:
    """The keys that the settings name, kept as digests.

    Attributes:
        asked_for: whether a request needs one.
    """

    def __init__(self, settings: ApiSettings) -> None:
        """Raises ConfigurationError when others than this machine could ask without a key."""
        self.asked_for = settings.has_keys
        if not self.asked_for and not settings.is_local:
            raise ConfigurationError(
                f"api.host is {settings.host}, and no key is set: everyone could ask, and write",
                "set MILLRACE_API__READ_KEYS, ..._WRITE_KEYS and ..._ADMIN_KEYS, or listen on 127.0.0.1",
            )
        named = (
            (Scope.READ, settings.read_keys),
            (Scope.WRITE, settings.write_keys),
            (Scope.ADMIN, settings.admin_keys),
        )
        self._digests = [(scope, _digest(key)) for scope, keys in named for key in separate_keys(keys)]

    def scopes(self, key: str) -> set[Scope]:
        """What the key may do; nothing if it is none. Takes the same time whichever it is."""
        given = _digest(key)
        matches = [(scope, hmac.compare_digest(given, known)) for scope, known in self._digests]
        scopes = {scope for scope, is_equal in matches if is_equal}
        return set(Scope) if Scope.ADMIN in scopes else scopes


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
