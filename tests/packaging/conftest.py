"""What tests of the chart need."""

import os
import shutil

import pytest

from deploy.checks import tools


@pytest.fixture
def helm() -> None:
    """A helm that `make deploy-check` fetched, since building one takes minutes."""
    if (tools.PROGRAMS / "helm").exists():
        return
    if os.environ.get("CI") and shutil.which("go"):
        pytest.fail("no helm in .tools, though Go is there: run `make deploy-check` before the tests")
    pytest.skip("`make deploy-check` fetches helm")
