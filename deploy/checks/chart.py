"""Renders the chart, and the plain manifests from it."""

import re
from pathlib import Path
from typing import Any

import yaml

from deploy.checks import tools
from deploy.checks.running import ROOT, CheckFailed, command

CHART = ROOT / "deploy" / "helm" / "millrace"
MANIFESTS = ROOT / "deploy" / "manifests"
NAMESPACE_FILE = "00-namespace.yaml"  # the one that is not of the chart: it is applied first
VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
EVERYTHING, WITH_API = (Path(__file__).parent / "values" / name for name in ("everything.yaml", "api.yaml"))
NAMESPACE = RELEASE = "millrace"
SOURCE = re.compile(r"^# Source: \S+/templates/(\S+)\n", re.MULTILINE)
OF_HELM = re.compile(r"^ *(?:helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.MULTILINE)


def renderings() -> dict[str, str]:
    """What becomes of the chart, by the name of the values: the default ones, and those in the folder `values`."""
    return {"default": rendered()} | {file.stem: rendered("--values", file) for file in VALUES}


def rendered(*options: str | Path) -> str:
    """All manifests. Raises CheckFailed where values do not fit."""
    return command(tools.helm(), "template", RELEASE, CHART, "--namespace", NAMESPACE, *options)


def documents(text: str) -> list[dict[str, Any]]:
    """The objects in a rendering."""
    return [each for each in yaml.safe_load_all(text) if each]


def rules() -> str:
    """The alerts as a release with the default values has them, as a file of rules for Prometheus."""
    objects = documents(rendered("--set", "prometheusRule.enabled=true"))
    (spec,) = (each["spec"] for each in objects if each["kind"] == "PrometheusRule")
    return str(yaml.safe_dump(spec, sort_keys=False, width=1000))


def plain_manifests() -> dict[str, str]:
    """The default rendering as files for `kubectl apply`, by their names, with nothing in it that is Helm's.

    What there is besides with the API lies in the folder `api`, which `kubectl apply` leaves out unless it is named.
    """
    return _by_template("--values", WITH_API, "--show-only", "templates/api/*.yaml") | _by_template()


def _by_template(*options: str | Path) -> dict[str, str]:
    parts = SOURCE.split(rendered("--skip-tests", *options))[1:]
    files: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        body = OF_HELM.sub("", text.strip().removesuffix("---").strip() + "\n")
        files[name] = f"{files[name]}---\n{body}" if name in files else body
    return files


def manifest_files() -> list[Path]:
    """The files in `deploy/manifests`, with those of the API."""
    return sorted(MANIFESTS.rglob("*.yaml"))


def write_plain_manifests() -> None:
    """Makes the files in `deploy/manifests` anew."""
    for file in manifest_files():
        if file.name != NAMESPACE_FILE:
            file.unlink()
    for name, text in plain_manifests().items():
        file = MANIFESTS / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def compare_plain_manifests() -> None:
    """Raises CheckFailed where the files in `deploy/manifests` are not those of the chart."""
    there = {str(file.relative_to(MANIFESTS)): file.read_text() for file in manifest_files()}
    del there[NAMESPACE_FILE]
    made = plain_manifests()
    differing = sorted(name for name in there.keys() | made.keys() if there.get(name) != made.get(name))
    if differing:
        raise CheckFailed(f"not as the chart renders them: {', '.join(differing)}; `make manifests` writes them anew")
