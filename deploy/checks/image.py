"""Builds the image and runs it, on a machine without a container engine: by buildah, isolated by chroot."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from deploy.checks import tools
from deploy.checks.running import ROOT, CheckFailed, command

PUBLISHED = "docker.io/library/python:3.12-slim-bookworm"
STAND_IN = "localhost/python-stand-in"
TAG = "localhost/millrace:check"
DEBIAN = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
# Where the published base cannot be had, neither can the index of torch without CUDA: the usual one's is built in.
STAND_IN_ARGUMENTS = ("--pull-never", f"--build-arg=PYTHON_IMAGE={STAND_IN}", "--build-arg=TORCH_BACKEND=")


class Images:
    """A store of images in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        buildah = tools.of_debian("buildah", "buildah")
        self._buildah = [buildah, "--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self._folder = folder

    def build(self) -> str:
        """The image of the Dockerfile; returns of what base."""
        base, arguments = self._base()
        file = ROOT / "deploy" / "Dockerfile"
        self.call("bud", "--isolation=chroot", "--format=docker", "--tag", TAG, *arguments, "--file", file, ROOT)
        return base

    def container(self) -> str:
        """The name of a new container."""
        return self.call("from", "--pull-never", TAG).strip()

    def running(self, container: str, *words: str, **variables: str) -> list[str]:
        """The command line that runs something in a container, as its user, on the network of this machine."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        return [*self._buildah, "run", "--isolation=chroot", *given, container, "--", *words]

    def call(self, *words: str | Path) -> str:
        return command(*self._buildah, *words)

    def _base(self) -> tuple[str, tuple[str, ...]]:
        try:
            self.call("pull", "--quiet", PUBLISHED)
        except CheckFailed:
            typer.echo(f"        {PUBLISHED} cannot be had: a Debian with Python takes its place")
            self._stand_in()
            return "a stand-in of the published base", STAND_IN_ARGUMENTS
        return PUBLISHED, (f"--build-arg=PYTHON_IMAGE={PUBLISHED}",)

    def _stand_in(self) -> None:
        """What certificates this machine trusts, its image has to trust as well."""
        context = self._folder / "base"
        context.mkdir()
        bootstrap = tools.of_debian("mmdebstrap", "mmdebstrap")
        command(bootstrap, "--quiet", "--variant=apt", f"--include={PACKAGES}", DEBIAN, context / "base.tar")
        shutil.copy(AUTHORITIES, context / "authorities.crt")
        (context / "Dockerfile").write_text(
            f"FROM scratch\nADD base.tar /\nCOPY authorities.crt {AUTHORITIES}\nENV SSL_CERT_FILE={AUTHORITIES}\n"
        )
        self.call("bud", "--isolation=chroot", "--tag", STAND_IN, context)


@contextmanager
def images() -> Iterator[Images]:
    """An empty store, which goes with the block. Raises CheckFailed for who is not root."""
    if os.getuid():
        raise CheckFailed("building an image by chroot takes root: run it as root, or in a container")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = Images(Path(folder))
        try:
            yield store
        finally:
            store.call("umount", "--all")
            store.call("rm", "--all")
