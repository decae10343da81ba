"""The tools of these checks: fetched once into `.tools`, each in a version that is pinned here."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from deploy.checks.running import ROOT, CheckFailed, command

FOLDER = ROOT / ".tools"
PROGRAMS = FOLDER / "bin"
WHEELS = FOLDER / "wheels"
CHECKS = Path(__file__).parent

HELM = "helm.sh/helm/v4/cmd/helm@v4.3.1"
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0"
KUBE_SCORE = "github.com/zegl/kube-score/cmd/kube-score@v1.20.0"
KEDA = "github.com/kedacore/keda/v2@v2.21.0"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"


def helm() -> Path:
    """Renders and lints the chart."""
    return _installed("helm", HELM)


def kubeconform() -> Path:
    """Compares manifests with schemas."""
    return _installed("kubeconform", KUBECONFORM)


def kube_score() -> Path:
    """Knows good practice for manifests."""
    return _installed("kube-score", KUBE_SCORE)


def composecheck() -> Path:
    """Reads compose files with the code that `docker compose config` has; its source is in the folder beside."""
    source = CHECKS / "composecheck"
    program = PROGRAMS / "composecheck"
    pin = "".join(path.read_text() for path in sorted(source.iterdir()))
    return fetched(program, pin, lambda: _go("build", "-trimpath", "-o", program, ".", folder=source))


def hadolint() -> Path:
    """Lints Dockerfiles."""
    return wheels() / "bin" / "hadolint"


def wheels() -> Path:
    """A folder with what `requirements.txt` beside this file pins."""
    pins = CHECKS / "requirements.txt"

    def install() -> None:
        shutil.rmtree(WHEELS, ignore_errors=True)
        command(_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", sys.executable,
                "--target", WHEELS, "--requirements", pins)  # fmt: skip

    return fetched(WHEELS, pins.read_text(), install)


def module_source(pin: str) -> Path:
    """The source of a Go module."""
    return Path(json.loads(_go("mod", "download", "-json", pin))["Dir"])


def of_debian(program: str, package: str) -> str:
    """A program of the system, installed as root where it is missing. Raises CheckFailed where that cannot be."""
    if not shutil.which(program):
        if os.getuid() or not shutil.which("apt-get"):
            raise CheckFailed(f"{program} is not there: install it (on Debian: apt-get install {package})")
        typer.echo(f"        installing {package}")
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        command("apt-get", "update", "-qq", variables=quiet)
        command("apt-get", "install", "-qq", "--no-install-recommends", package, variables=quiet)
    return program


def fetched(what: Path, pin: str, fetch: Callable[[], object]) -> Path:
    """The file or folder, fetched again when the pin is another one than at the last time."""
    stamp = FOLDER / f"{what.name}.pin"
    if not (what.exists() and stamp.exists() and stamp.read_text() == pin):
        typer.echo(f"        fetching {what.name}")
        PROGRAMS.mkdir(parents=True, exist_ok=True)
        fetch()
        stamp.write_text(pin)
    return what


def go_variables() -> dict[str, str]:
    """The environment of Go: programs go to `.tools`, and no other version of Go is fetched."""
    return os.environ | {"GOBIN": str(PROGRAMS), "GOTOOLCHAIN": "local"}


def _installed(name: str, pin: str) -> Path:
    return fetched(PROGRAMS / name, pin, lambda: _go("install", "-trimpath", pin))


def _go(*words: str | Path, folder: Path = ROOT) -> str:
    if not shutil.which("go"):
        raise CheckFailed("Go is not there, by which the tools are built: install Go 1.26 or newer")
    return command("go", *words, folder=folder, variables=go_variables())


def _uv() -> Path:
    beside = Path(sys.executable).with_name("uv")
    return beside if beside.exists() else Path(shutil.which("uv") or "uv")
