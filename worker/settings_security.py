"""Settings of encryption and of who we are: TLS for Kafka and Redis, SASL for Kafka."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from worker.settings_section import Section

OAUTH, PLAINTEXT = "OAUTHBEARER", "PLAINTEXT"


class Tls(Section):
    """How a connection is encrypted."""

    tls_ca_file: Path | None = None
    """Certificates (PEM) that vouch for the server; not set = those that the system trusts."""
    tls_certificate_file: Path | None = None
    """Certificate (PEM) by which the server knows us (mutual TLS)."""
    tls_key_file: Path | None = None
    """Its private key (PEM)."""
    tls_key_password: SecretStr | None = None
    """What the private key is encrypted with."""
    tls_verify_hostname: bool = True
    """Whether the server's certificate must be of the name that we asked for."""

    @field_validator("tls_key_file")
    @classmethod
    def _with_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if key is not None and info.data.get("tls_certificate_file") is None:
            raise ValueError("needs tls_certificate_file too")
        return key


class KafkaSecurity(Tls):
    """Encryption, and who we are to the brokers; `security_protocol` comes last, as it judges the others."""

    sasl_username: str | None = None
    """User for PLAIN and SCRAM."""
    sasl_password: SecretStr | None = None
    """Password for PLAIN and SCRAM."""
    oauth_token_file: Path | None = None
    """File that holds a token for OAUTHBEARER and that something else renews; read at each connection."""
    oauth_token_url: str | None = Field(default=None, pattern=r"^https?://")
    """Where a token for OAUTHBEARER is asked for, by client id and secret (RFC 6749, section 4.4)."""
    oauth_client_id: str | None = None
    """Who asks there."""
    oauth_client_secret: SecretStr | None = None
    """The secret of who asks."""
    oauth_scope: str | None = None
    """What the token is asked for."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    """How we prove who we are."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default=PLAINTEXT, validate_default=True
    )
    """Whether connections are encrypted (SSL) and whether we say who we are (SASL)."""

    @field_validator("sasl_mechanism")
    @classmethod
    def _with_credentials(cls, mechanism: str | None, info: ValidationInfo) -> str | None:
        missing = _missing(mechanism, info.data)
        if missing:
            raise ValueError(f"needs {missing}")
        return mechanism

    @field_validator("security_protocol")
    @classmethod
    def _fits_the_others(cls, protocol: str, info: ValidationInfo) -> str:
        if "sasl_mechanism" in info.data and protocol.startswith("SASL_") != bool(info.data["sasl_mechanism"]):
            raise ValueError("SASL_SSL and SASL_PLAINTEXT go with sasl_mechanism, the others without")
        files = [name for name in ("tls_ca_file", "tls_certificate_file") if info.data.get(name)]
        if files and not protocol.endswith("SSL"):
            raise ValueError(f"{files[0]} goes with SSL or SASL_SSL")
        return protocol


def revealed(secret: SecretStr | None) -> str | None:
    """For those that need the secret itself."""
    return None if secret is None else secret.get_secret_value()


def _missing(mechanism: str | None, given: Mapping[str, Any]) -> str:
    """What the mechanism needs besides; "" = nothing."""
    if mechanism is None:
        return ""
    if mechanism != OAUTH:
        return _absent(("sasl_username", "sasl_password"), given)
    asked = _absent(("oauth_token_url", "oauth_client_id", "oauth_client_secret"), given)
    return f"oauth_token_file, or {asked}" if asked and not given.get("oauth_token_file") else ""


def _absent(names: tuple[str, ...], given: Mapping[str, Any]) -> str:
    return " and ".join(name for name in names if not given.get(name))
