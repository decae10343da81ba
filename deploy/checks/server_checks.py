"""What a real API server says of the manifests: of good ones, of an upgrade, and of planted faults."""

import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from deploy.checks import chart, schemas, tools
from deploy.checks.faults import FAULTS, Fault
from deploy.checks.kube_client import Document, KubeClient
from deploy.checks.running import Check, CheckFailed, command

UPGRADE = "image.tag=0.2.0,replicaCount=3,config.kafka.max_poll_records=1000,terminationGracePeriodSeconds=90"
IMMUTABLE = "fullnameOverride=millrace,nameOverride=another"  # the same StatefulSet, which would select other pods
REFUSAL = "Forbidden: updates to statefulset spec"


def checks(client: KubeClient) -> list[Check]:
    """In this order: later ones need what earlier ones created."""
    return [
        Check("custom resources", lambda: _create_custom_resources(client)),
        Check("server-side dry run", lambda: _dry_run_all(client)),
        Check("planted faults", lambda: _faults(client)),
        Check("upgrade", lambda: _upgrade(client)),
    ]


def _create_custom_resources(client: KubeClient) -> str:
    """With the namespace, for a dry run does not see what only a dry run made."""
    definitions = list(schemas.custom_resources())
    namespace = chart.documents((chart.MANIFESTS / chart.NAMESPACE_FILE).read_text())
    for document in [*namespace, *definitions]:
        answer = client.apply(document, dry_run=False)
        if answer.status >= 400:
            raise CheckFailed(f"{document['metadata']['name']}: {answer.trouble}")
    return f"{len(definitions)} definitions, and the namespace"


def _dry_run_all(client: KubeClient) -> str:
    renderings = chart.renderings() | {"manifests": "\n---\n".join(_plain())}
    documents = [(name, each) for name, text in renderings.items() for each in _with_pods(chart.documents(text))]
    troubles = [f"{name}: {_named(each)}: {trouble}" for name, each in documents if (trouble := _trouble(client, each))]
    if troubles:
        raise CheckFailed("\n" + "\n".join(troubles))
    return f"{len(documents)} objects of {len(renderings)} renderings accepted without a warning"


def _faults(client: KubeClient) -> str:
    """Each is refused, or warned of; the manifests without it were accepted just before."""
    good = chart.rendered("--values", chart.EVERYTHING) + chart.rendered()
    manifests = [text.strip() for text in good.split("\n---\n")]
    missed = [fault.name for fault in FAULTS if not _finds(client, fault, manifests)]
    if missed:
        raise CheckFailed(f"not noticed: {', '.join(missed)}")
    return f"all {len(FAULTS)} refused"


def _finds(client: KubeClient, fault: Fault, manifests: list[str]) -> bool:
    documents = _with_pods(chart.documents(fault.planted(manifests)))
    return any(_trouble(client, each) for each in documents)


def _upgrade(client: KubeClient) -> str:
    """A release that stands takes new values and goes back; what cannot change in place is refused, with its reason."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as configuration:
        configuration.write(client.configuration())
        configuration.flush()

        def helm(verb: str, *words: str | Path) -> str:
            place = ("--kubeconfig", configuration.name, "--namespace", chart.NAMESPACE)
            return command(tools.helm(), verb, chart.RELEASE, *words, *place)

        helm("install", chart.CHART)
        helm("upgrade", chart.CHART, "--set", UPGRADE)
        try:
            helm("upgrade", chart.CHART, "--set", IMMUTABLE)
        except CheckFailed as failure:
            if REFUSAL not in str(failure):
                raise
        else:
            raise CheckFailed(f"not refused: {IMMUTABLE}")
        helm("rollback", "1")
        helm("uninstall")
    return f"installed, upgraded to {UPGRADE}, refused {IMMUTABLE}, rolled back, removed"


def _trouble(client: KubeClient, document: Document) -> str:
    try:
        return client.apply(document, dry_run=True).trouble
    except LookupError as error:
        return str(error)


def _plain() -> Iterator[str]:
    return (file.read_text() for file in chart.manifest_files())


def _with_pods(documents: list[Document]) -> list[Document]:
    """Beside each template the pod that it makes: rules of security refuse pods, and only warn of templates."""
    return [*documents, *(_pod(each, template) for each in documents if (template := _template(each)))]


def _template(document: Document) -> Any:
    spec = document.get("spec", {})
    job = spec.get("jobTemplate", {}).get("spec", spec) if isinstance(spec, dict) else {}
    template = job.get("template")
    return template if document["kind"] in ("StatefulSet", "Deployment", "Job", "CronJob") else None


def _pod(document: Document, template: Document) -> Document:
    metadata = {**template.get("metadata", {}), "name": f"{document['metadata']['name']}-0"}
    namespace = document["metadata"].get("namespace", chart.NAMESPACE)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata | {"namespace": namespace}, "spec": template["spec"]}
    return deepcopy(pod)


def _named(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"
