"""The machinery of `make deploy-check`: what it fetches, runs and reports."""

import sys
from pathlib import Path

import pytest

from deploy.checks import tools
from deploy.checks.faults import FAULTS, Fault
from deploy.checks.running import Check, CheckFailed, command, run_all

MANIFEST = "kind: Service\nspec:\n  clusterIP: None\n"


def failing() -> str:
    raise CheckFailed("line 7 is wrong")


def test_all_checks_run_whatever_the_first_one_finds(capsys: pytest.CaptureFixture[str]) -> None:
    assert not run_all([Check("one", failing), Check("two", lambda: "all there")])
    one, two = capsys.readouterr().out.splitlines()
    assert one.startswith("FAIL")
    assert one.endswith("one: line 7 is wrong")
    assert two.startswith("ok")
    assert two.endswith("two: all there")


def test_all_is_well_when_every_check_is() -> None:
    assert run_all([Check("one", lambda: ""), Check("two", lambda: "")])


def test_a_command_that_fails_is_shown_with_all_it_printed() -> None:
    code = "import sys; print('to the one'); sys.exit('to the other')"
    with pytest.raises(CheckFailed, match=r"(?s)ended with 1.*to the one.*to the other"):
        command(sys.executable, "-c", code)


def test_a_tool_is_fetched_once_and_again_when_its_pin_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "FOLDER", tmp_path)
    monkeypatch.setattr(tools, "PROGRAMS", tmp_path / "bin")
    tool, fetched = tmp_path / "bin" / "tool", []
    for pin in ("v1", "v1", "v2"):
        tools.fetched(tool, pin, lambda: fetched.append(tool.write_text("program")))
    assert len(fetched) == 2


def test_a_tool_that_could_not_be_fetched_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "FOLDER", tmp_path)
    monkeypatch.setattr(tools, "PROGRAMS", tmp_path / "bin")
    for _attempt in range(2):
        with pytest.raises(CheckFailed):
            tools.fetched(tmp_path / "bin" / "tool", "v1", failing)


def test_what_cannot_be_installed_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    with pytest.raises(CheckFailed, match=r"no-such-program is not there: install it .*apt-get install its-package"):
        tools.of_debian("no-such-program", "its-package")


def test_a_fault_changes_the_one_line_that_it_names() -> None:
    fault = Fault("an address", "Service", "clusterIP: None", "clusterIP: Nowhere")
    assert fault.planted(["kind: Job\nclusterIP: None\n", MANIFEST]) == MANIFEST.replace("None", "Nowhere")


def test_a_fault_that_finds_no_place_is_no_fault() -> None:
    with pytest.raises(CheckFailed, match="no Service has the line"):
        Fault("an address", "Service", "clusterIP: Some", "").planted([MANIFEST])


def test_faults_are_many_and_of_many_kinds() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 10
    assert len({fault.kind for fault in FAULTS}) >= 5
