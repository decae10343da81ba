"""The client's options for encryption and for who we are, by settings."""

from typing import Any

from worker.oauth_tokens import token_provider
from worker.settings import KafkaSettings
from worker.settings_security import OAUTH, revealed


def security_options(settings: KafkaSettings) -> dict[str, Any]:
    """What every client of kafka-python takes: consumer, producer and admin client."""
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.security_protocol.endswith("SSL"):
        options |= {
            "ssl_cafile": _text(settings.tls_ca_file),
            "ssl_certfile": _text(settings.tls_certificate_file),
            "ssl_keyfile": _text(settings.tls_key_file),
            "ssl_password": revealed(settings.tls_key_password),
            "ssl_check_hostname": settings.tls_verify_hostname,
        }
    if settings.sasl_mechanism == OAUTH:
        options |= {"sasl_mechanism": OAUTH, "sasl_oauth_token_provider": token_provider(settings)}
    elif settings.sasl_mechanism:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": revealed(settings.sasl_password),
        }
    return options


def _text(value: object) -> str | None:
    return None if value is None else str(value)
