"""Settings of encryption and of who we are: what goes with what, and secrets that stand in files."""

from pathlib import Path
from typing import Any

import pytest

from worker.errors import ConfigurationError
from worker.kafka_security import security_options
from worker.settings import load, load_with_origins
from worker.settings_security import revealed
from worker.settings_toml import as_toml

PASSWORD = {"kafka.sasl_username": "millrace", "kafka.sasl_password": "hunter2"}
ASKING = {
    "kafka.oauth_token_url": "https://sso.example/token",
    "kafka.oauth_client_id": "millrace",
    "kafka.oauth_client_secret": "hunter2",
}


def refused(overrides: dict[str, Any], environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(overrides=overrides, environment=environment or {})
    assert "hunter2" not in f"{caught.value} {caught.value.remedy} {caught.value.__cause__}"
    return str(caught.value)


def test_without_security_settings_nothing_is_encrypted_or_asked() -> None:
    assert security_options(load(environment={}).kafka) == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"kafka.sasl_mechanism": "PLAIN", "kafka.security_protocol": "SASL_SSL"}, "sasl_username and sasl_password"),
        ({"kafka.sasl_mechanism": "SCRAM-SHA-256", "kafka.sasl_username": "a"}, "sasl_password"),
        ({"kafka.sasl_mechanism": "OAUTHBEARER"}, "oauth_token_file, or oauth_token_url"),
        ({"kafka.sasl_mechanism": "PLAIN"} | PASSWORD, "kafka.security_protocol"),
        ({"kafka.security_protocol": "SASL_SSL"}, "sasl_mechanism"),
        ({"kafka.security_protocol": "SSL", "kafka.sasl_mechanism": "PLAIN"} | PASSWORD, "sasl_mechanism"),
        ({"kafka.tls_ca_file": "ca.pem"}, "tls_ca_file goes with SSL"),
        ({"kafka.security_protocol": "SSL", "kafka.tls_key_file": "key.pem"}, "tls_certificate_file"),
        ({"kafka.oauth_token_url": "ftp://sso.example"}, "kafka.oauth_token_url"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], named: str) -> None:
    assert named in refused(settings)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_passwords_reach_the_client_and_nobody_else(mechanism: str) -> None:
    given = {"kafka.sasl_mechanism": mechanism, "kafka.security_protocol": "SASL_SSL"} | PASSWORD
    loaded = load_with_origins(overrides=given, environment={})
    options = security_options(loaded.settings.kafka)
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("millrace", "hunter2")
    assert options["ssl_check_hostname"] is True
    assert not any("hunter2" in text for text in (repr(loaded), loaded.settings.model_dump_json(), as_toml(loaded)))


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n", "utf-8")
    variables = {"MILLRACE_KAFKA__OAUTH_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    loaded = load_with_origins(environment=variables)
    assert revealed(loaded.settings.kafka.oauth_client_secret) == "hunter2"
    assert loaded.origins == {"kafka.oauth_client_secret": "MILLRACE_KAFKA__OAUTH_CLIENT_SECRET_FILE"}


def test_a_setting_whose_own_name_ends_in_file_is_not_read() -> None:
    variables = {"MILLRACE_KAFKA__TLS_CA_FILE": "/nowhere/ca.pem", "MILLRACE_KAFKA__SECURITY_PROTOCOL": "SSL"}
    assert load(environment=variables).kafka.tls_ca_file == Path("/nowhere/ca.pem")


def test_a_file_of_what_is_no_secret_is_an_unknown_setting(tmp_path: Path) -> None:
    assert "kafka.group_id_file" in refused({}, {"MILLRACE_KAFKA__GROUP_ID_FILE": str(tmp_path)})


def test_a_secret_is_not_given_twice(tmp_path: Path) -> None:
    variables = {"MILLRACE_REDIS__URL": "redis://hunter2@a", "MILLRACE_REDIS__URL_FILE": str(tmp_path / "url")}
    assert "both set" in refused({}, variables)


@pytest.mark.parametrize(
    ("content", "cause"), [(None, "cannot read"), (b"\xff\xfe", "is not text"), (b"hunter2" * 10_000, "is larger than")]
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes | None, cause: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    assert cause in refused(ASKING, {"MILLRACE_KAFKA__SASL_PASSWORD_FILE": str(tmp_path / "secret")})
