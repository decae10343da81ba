"""A Kafka that encrypts and asks who is there: TLS, each SASL mechanism, mutual TLS, and access rules."""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)
from typing_extensions import override

from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import HOST

USER, API_USER, PASSWORD = "millrace", "api", "hunter2-Kafka"
MECHANISMS = "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"
_SECURITY = "org.apache.kafka.common.security"
_SASL = "listener.name.sasl_ssl"


class Certificates:
    """Those of an authority of our own, as PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        authority, self.folder = trustme.CA(), folder
        self.authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.stranger = folder / "stranger.pem"
        trustme.CA().cert_pem.write_to_path(self.stranger)
        self._issue(authority, "server", HOST, "localhost")
        self._issue(authority, "client", USER, common_name=USER)

    def certificate(self, name: str) -> Path:
        """Of `server` or `client`."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Its private key."""
        return self.folder / f"{name}.key"

    def both(self, name: str) -> Path:
        """Key and certificate in one file, as Kafka takes them."""
        return self.folder / f"{name}.both.pem"

    def _issue(self, authority: trustme.CA, name: str, *identities: str, common_name: str | None = None) -> None:
        issued = authority.issue_cert(*identities, common_name=common_name)
        key = load_pem_private_key(issued.private_key_pem.bytes(), None)
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        self.certificate(name).write_bytes(chain)
        self.key(name).write_bytes(key_pem)
        self.both(name).write_bytes(key_pem + chain)


class SecureKafka(KafkaBroker):
    """Besides the open listener, where everybody may do everything, one with TLS and SASL, and one with mutual TLS.

    There the user may do what the access rules say.
    """

    port_count = 4

    def __init__(self, certificates: Certificates) -> None:
        super().__init__()
        self._certificates = certificates

    @property
    def sasl_servers(self) -> str:
        """The address where SASL is asked for."""
        return f"localhost:{self._ports[2]}"

    @property
    def mutual_servers(self) -> str:
        """The address where a certificate is asked for."""
        return f"localhost:{self._ports[3]}"

    @override
    def _other_properties(self) -> dict[str, str]:
        open_port, controller, sasl, mutual = self._ports
        advertised = {"PLAINTEXT": f"{HOST}:{open_port}", "SASL_SSL": f"localhost:{sasl}", "SSL": f"localhost:{mutual}"}
        public = ",".join(f"{name}://{address}" for name, address in advertised.items())
        modules = {"PLAIN": "plain.Plain", "OAUTHBEARER": "oauthbearer.OAuthBearer"}
        users = {"PLAIN": f' user_{USER}="{PASSWORD}"', "OAUTHBEARER": ' unsecuredLoginStringClaim_sub="broker"'}
        jaas = {
            f"{_SASL}.{each.lower()}.sasl.jaas.config": (
                f"{_SECURITY}.{modules.get(each, 'scram.Scram')}LoginModule required{users.get(each, '')};"
            )
            for each in MECHANISMS
        }
        return jaas | {
            "listeners": f"{public},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": public,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._certificates.both("server")),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._certificates.authority),
            "listener.name.ssl.ssl.client.auth": "required",
            "listener.name.ssl.ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def admit(self, topics: Mapping[str, str], group: str) -> None:
        """Makes the users' passwords for SCRAM known, and grants what a worker and the API need: docs/security.md."""
        _admit(
            self.bootstrap_servers,
            USER,
            *_rights(topics, ("events_topic", "items_topic", "control_topic"), "READ"),
            *_rights(topics, ("control_topic", "review_topic", "dead_letter_topic"), "WRITE"),
            (ResourceType.GROUP, group, "READ"),
        )
        _admit(
            self.bootstrap_servers,
            API_USER,
            *_rights(topics, ("events_topic", "items_topic", "control_topic", "review_topic", "audit_topic"), "WRITE"),
            *_rights(topics, ("items_topic", "control_topic", "review_topic"), "READ"),
        )


def _rights(topics: Mapping[str, str], settings: Iterable[str], right: str) -> list[tuple[ResourceType, str, str]]:
    return [(ResourceType.TOPIC, topics[setting], each) for setting in settings for each in (right, "DESCRIBE")]


def _admit(servers: str, user: str, *granted: tuple[ResourceType, str, str]) -> None:
    rules = [
        ACL(f"User:{user}", "*", ACLOperation[right], ACLPermissionType.ALLOW, ResourcePattern(kind, name))
        for kind, name, right in granted
    ]
    passwords = [
        UserScramCredentialUpsertion(user, mechanism, PASSWORD) for mechanism in MECHANISMS if "SCRAM" in mechanism
    ]
    with KafkaAdminClient(bootstrap_servers=servers) as admin:
        for each in passwords:  # one at a time: the broker takes one change of a user in a request
            assert admin.alter_user_scram_credentials([each]) == {user: None}
        assert not admin.create_acls(rules)["failed"]


def unsecured_token(seconds: float = 300.0) -> str:
    """A token that says who the user is, of the kind that a broker without a token server believes (no signature)."""
    now = time.time()
    parts: Iterable[dict[str, Any]] = ({"alg": "none"}, {"sub": USER, "iat": now, "exp": now + seconds})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{'.'.join(encoded)}."
