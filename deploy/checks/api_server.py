"""A real Kubernetes API server on this machine, without a cluster: it says of manifests what one in production would.

It is built from the source of its Go module, which takes some minutes, and kept in `.tools`.
"""

import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.checks import tools
from deploy.checks.kube_client import KubeClient
from deploy.checks.running import CheckFailed, command
from worker.embedded.ports import HOST, free_ports

VERSION = "1.34.2"
MODULE = f"k8s.io/kubernetes@v{VERSION}"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
STAGED = re.compile(r"^\s*(\S+) => \./staging/", re.MULTILINE)


def program() -> Path:
    """The server, built if it is not there."""
    built = tools.PROGRAMS / f"kube-apiserver-v{VERSION}"
    return tools.fetched(built, MODULE, lambda: _build(built))


def _build(built: Path) -> None:
    variables = tools.go_variables() | {"GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    with tempfile.TemporaryDirectory(dir=tools.FOLDER) as folder:
        source = _unpacked(Path(folder) / "source")
        command("go", "mod", "edit", *_released_libraries(source), folder=source, variables=variables)
        words: list[str | Path] = [
            "go",
            "build",
            "-trimpath",
            "-ldflags",
            _named_version(),
            "-o",
            built,
            "./cmd/kube-apiserver",
        ]
        command(*words, folder=source, variables=variables)


def _unpacked(source: Path) -> Path:
    """The module's files, which may be written, without those that belong to its repository."""
    shutil.copytree(tools.module_source(MODULE), source, copy_function=shutil.copyfile)
    for path in (source, *source.rglob("*")):
        path.chmod(0o755)
    for name in ("go.work", "go.work.sum"):
        (source / name).unlink(missing_ok=True)
    shutil.rmtree(source / "vendor", ignore_errors=True)
    return source


def _released_libraries(source: Path) -> list[str]:
    """Edits of go.mod: its libraries lie beside it in its repository; here their releases take their places."""
    libraries = STAGED.findall((source / "go.mod").read_text())
    edits = ((f"-dropreplace={library}", f"-require={library}@v0{VERSION[1:]}") for library in libraries)
    return [edit for pair in edits for edit in pair]


def _named_version() -> str:
    """Flags of the linker: the server would not know its version else."""
    major, minor, _patch = VERSION.split(".")
    names = {"Version": f"v{VERSION}", "Major": major, "Minor": minor}
    return "-s -w " + " ".join(f"-X k8s.io/component-base/version.git{name}={value}" for name, value in names.items())


@contextmanager
def running() -> Iterator[KubeClient]:
    """A server that knows nothing yet, with a store of its own; both end with the block."""
    server, etcd = program(), tools.of_debian("etcd", "etcd-server")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port, etcd_port, peer_port = free_ports(3)
        with _process(_etcd(etcd, folder, etcd_port, peer_port), folder / "etcd.log"):
            token = secrets.token_hex()
            with _process(_server(server, folder, port, etcd_port, token), folder / "server.log"):
                client = KubeClient(f"https://{HOST}:{port}", token, folder / "certificates" / "apiserver.crt")
                _wait_until_ready(client, folder / "server.log")
                yield client


def _etcd(etcd: str, folder: Path, port: int, peer_port: int) -> list[str]:
    address, peer = f"http://{HOST}:{port}", f"http://{HOST}:{peer_port}"
    return [
        etcd,
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={address}",
        f"--advertise-client-urls={address}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def _server(server: Path, folder: Path, port: int, etcd_port: int, token: str) -> list[str]:
    key, tokens = folder / "accounts.key", folder / "tokens.csv"
    command("openssl", "genrsa", "-out", key, "2048")
    tokens.write_text(f'{token},admin,admin,"system:masters"\n')
    return [
        str(server),
        f"--etcd-servers=http://{HOST}:{etcd_port}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--token-auth-file={tokens}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",  # no controller makes the default account
    ]


@contextmanager
def _process(words: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:  # it drains slowly
            process.kill()
            process.wait()


def _wait_until_ready(client: KubeClient, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not client.is_ready():
        if time.monotonic() > deadline:
            raise CheckFailed(f"the API server is not ready after {START_SECONDS:.0f} s:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)
