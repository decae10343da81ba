"""Asks a Kubernetes API server what it thinks of objects, as `kubectl apply --server-side` does."""

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]
ANSWER_SECONDS = 30.0
APPLY = "application/apply-patch+yaml"
NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said.

    Attributes:
        warning: of the header; empty = none.
    """

    status: int
    body: Document
    warning: str

    @property
    def trouble(self) -> str:
        """Why the object is not as it should be, a warning too; empty = it is."""
        if self.status >= HTTPStatus.BAD_REQUEST:
            return f"{self.status} {self.body.get('message', '')}"
        return f"warning {self.warning}" if self.warning else ""


class KubeClient:
    """One server, as its administrator."""

    def __init__(self, address: str, token: str, certificate: Path) -> None:
        """The certificate is the server's own, and is written when it starts."""
        self._address = address
        self._token = token
        self._certificate = certificate
        self._paths: dict[tuple[str, str], tuple[str, bool]] = {}

    def is_ready(self) -> bool:
        """Whether it serves."""
        try:
            return self._call("GET", "/readyz").status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def configuration(self) -> str:
        """A kubeconfig, by which other programs come in."""
        cluster = {"server": self._address, "certificate-authority": str(self._certificate)}
        configuration = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "current-context": "here",
        }
        return json.dumps(configuration)  # which is YAML as well

    def apply(self, document: Document, *, dry_run: bool) -> Answer:
        """Applies an object strictly: unknown fields are errors. A dry run changes nothing."""
        options = {"fieldManager": "deploy-check", "fieldValidation": "Strict", "force": "true"}
        if dry_run:
            options["dryRun"] = "All"
        path = f"{self._path(document)}?{urllib.parse.urlencode(options)}"
        return self._call("PATCH", path, yaml.safe_dump(document).encode())

    def knows(self, document: Document) -> bool:
        """Whether it has the object's kind."""
        self._discover(document["apiVersion"])
        return (document["apiVersion"], document["kind"]) in self._paths

    def _path(self, document: Document) -> str:
        if not self.knows(document):
            raise LookupError(f"the server knows no {document['apiVersion']} {document['kind']}")
        path, namespaced = self._paths[document["apiVersion"], document["kind"]]
        metadata = document["metadata"]
        where = f"/namespaces/{metadata.get('namespace', NAMESPACE)}" if namespaced else ""
        base, _, resource = path.rpartition("/")
        return f"{base}{where}/{resource}/{metadata['name']}"

    def _discover(self, version: str) -> None:
        if any(known == version for known, _kind in self._paths):
            return
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for resource in self._call("GET", base).body.get("resources", []):
            if "/" not in resource["name"]:
                place = (f"{base}/{resource['name']}", resource["namespaced"])
                self._paths[version, resource["kind"]] = place

    def _call(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._token}"} | ({"Content-Type": APPLY} if body else {})
        request = urllib.request.Request(self._address + path, body, headers, method=method)  # noqa: S310 - it is https
        trust = ssl.create_default_context(cafile=str(self._certificate))
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS, context=trust) as answer:  # noqa: S310
                return Answer(answer.status, _decoded(answer.read()), answer.headers.get("Warning", ""))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _decoded(error.read()), error.headers.get("Warning", ""))


def _decoded(body: bytes) -> Document:
    try:
        decoded = json.loads(body)
    except ValueError:  # /readyz says `ok`
        return {}
    return decoded if isinstance(decoded, dict) else {}
