"""Schemas of Kubernetes and of custom resources in the form that kubeconform reads, without asking the network."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.checks import tools

KUBERNETES = "1.34.0"
FOLDER = tools.FOLDER / "schemas"
SHIPPED = "kubernetes_validate/kubernetes-json-schema/v{}-local-strict"

# A bare `=`, which is among the texts that a field may take.
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)


def locations() -> list[str]:
    """Where kubeconform finds them."""
    pin = "\n".join((KUBERNETES, tools.KEDA, tools.PROMETHEUS_OPERATOR, Path(__file__).read_text()))
    tools.fetched(FOLDER, pin, _write)
    return [
        f"{FOLDER}/kubernetes/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        f"{FOLDER}/custom/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json",
    ]


def custom_resources() -> Iterator[dict[str, Any]]:
    """The definitions of KEDA and of the Prometheus operator."""
    keda = tools.module_source(tools.KEDA) / "config" / "crd" / "bases"
    operator = tools.module_source(tools.PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
    for file in sorted([*keda.glob("*.yaml"), *operator.glob("*.yaml")]):
        for document in yaml.safe_load_all(file.read_text()):
            if document and document.get("kind") == "CustomResourceDefinition":
                yield document


def _write() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    _write_kubernetes(tools.wheels() / SHIPPED.format(KUBERNETES), FOLDER / "kubernetes")
    for definition in custom_resources():
        _write_custom(definition, FOLDER / "custom")


def _write_kubernetes(shipped: Path, folder: Path) -> None:
    """Without names that are addresses, which kubeconform would look up."""
    folder.mkdir(parents=True)
    for file in shipped.glob("*.json"):
        schema = json.loads(file.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
        kept = {key: value for key, value in schema.items() if key not in ("$id", "$schema")}
        (folder / file.name).write_text(json.dumps(kept))


def _write_custom(definition: dict[str, Any], folder: Path) -> None:
    spec = definition["spec"]
    group = folder / spec["group"]
    group.mkdir(parents=True, exist_ok=True)
    for version in spec["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        texts = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
        schema["properties"] = texts | schema["properties"] | {"metadata": {"type": "object"}}
        (group / f"{spec['names']['kind'].lower()}_{version['name']}.json").write_text(json.dumps(schema))


def _strict(schema: Any) -> Any:
    """Keys that nobody knows are errors, as in strict decoding on the server."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(value) for key, value in schema.items()}
    if strict.pop("x-kubernetes-int-or-string", False):
        strict.pop("type", None)
        strict["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    known = strict.get("type") == "object" and "properties" in strict
    if known and not strict.get("x-kubernetes-preserve-unknown-fields"):
        strict.setdefault("additionalProperties", False)
    return strict
