"""Tokens for OAUTHBEARER: of a file that something else renews, or of a server that hands them out."""

import json
import threading
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

from kafka.errors import SaslAuthenticationFailedError
from kafka.net.sasl.oauth import AbstractTokenProvider
from typing_extensions import override

from worker.settings import KafkaSettings
from worker.settings_security import revealed

USED_SHARE = 0.8  # of a token's life
UNKNOWN_LIFE_SECONDS = 60.0


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]
    """Reads the file at each connection."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    @override
    def token(self) -> str:
        """Raises KafkaError."""
        try:
            return self._file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SaslAuthenticationFailedError(f"no token in {self._file}: {error}") from error


class TokenServer(AbstractTokenProvider):  # type: ignore[misc]
    """Asks by client id and secret (RFC 6749, section 4.4); keeps a token for four fifths of its life."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__()
        self._settings = settings
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    @override
    def token(self) -> str:
        """Raises KafkaError."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._renew()
                except (OSError, ValueError, KeyError, TypeError) as error:
                    url = self._settings.oauth_token_url
                    raise SaslAuthenticationFailedError(f"no token from {url}: {error!r}") from error
            return self._token

    def _renew(self) -> None:
        asked = time.monotonic()
        answer = self._ask()
        self._token = str(answer["access_token"])
        self._until = asked + USED_SHARE * float(answer.get("expires_in", UNKNOWN_LIFE_SECONDS))

    def _ask(self) -> dict[str, Any]:
        form = {"grant_type": "client_credentials"}
        if self._settings.oauth_scope:
            form["scope"] = self._settings.oauth_scope
        request = urllib.request.Request(  # noqa: S310 - the settings allow http and https alone
            str(self._settings.oauth_token_url),
            urllib.parse.urlencode(form).encode(),
            {"Authorization": f"Basic {self._credentials()}", "Accept": "application/json"},
        )
        seconds = self._settings.connect_timeout_seconds
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
        return answer

    def _credentials(self) -> str:
        both = str(self._settings.oauth_client_id), revealed(self._settings.oauth_client_secret) or ""
        return b64encode(":".join(map(urllib.parse.quote_plus, both)).encode()).decode()


def token_provider(settings: KafkaSettings) -> AbstractTokenProvider:
    """By file where one is named, else by server."""
    return TokenFile(settings.oauth_token_file) if settings.oauth_token_file else TokenServer(settings)
