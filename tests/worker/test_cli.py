"""The command line: what each verb prints, how it ends, and that help is quick."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from worker import cli, errors
from worker.errors import ConfigurationError, MillraceError

ROOT = Path(__file__).parents[2]
SECRET = "redis://user:hunter2@127.0.0.1:1/0"
VERBS = [
    ["worker"],
    ["recommend"],
    ["evaluate"],
    ["bench"],
    ["services"],
    ["topics", "create"],
    ["doctor"],
    ["config", "show"],
    ["config", "schema"],
]
FEEDING = [["replay"], ["simulate"], ["import"]]
HEAVY = ["kafka", "numba", "numpy", "pyarrow", "pydantic_settings", "redis", "river", "torch"]


@pytest.fixture(autouse=True)
def nothing_from_outside(no_settings_from_outside: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither variables nor files of the machine."""
    monkeypatch.setenv("MILLRACE_SNAPSHOTS__DIRECTORY", str(tmp_path))


def invoke(*arguments: str) -> Result:
    """A verb in this process."""
    return CliRunner().invoke(cli.app, arguments)


def run(*arguments: str, code: str = "from worker.cli import main; main()") -> subprocess.CompletedProcess[str]:
    """The command line in its own process, in a wide window."""
    command = [sys.executable, "-c", code, *arguments]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=environment)


@pytest.mark.parametrize("verb", VERBS + FEEDING)
def test_each_verb_has_help_with_an_example(verb: list[str]) -> None:
    result = invoke(*verb, "--help")
    assert result.exit_code == 0
    assert f"Example: millrace {' '.join(verb)}" in result.output


def test_help_lists_every_verb_and_every_exit_code() -> None:
    help_text = invoke("--help").output
    assert all(verb[0] in help_text for verb in VERBS + FEEDING)
    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, MillraceError)
    }
    assert all(f"• {code}: " in help_text for code in codes | {0, 130})


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["evaluate", "--help"], ["worker", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from worker.cli import main
try:
    main()
except SystemExit as end:
    print(end.code, sorted(set({HEAVY}) & sys.modules.keys()), file=sys.stderr)
"""
    assert run(*arguments, code=code).stderr.strip() == "0 []"


def test_python_m_worker_is_the_same_command() -> None:
    command = [sys.executable, "-m", "worker", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT)
    assert done.stdout == f"millrace {version('millrace')}\n"


def test_an_error_is_a_line_of_cause_and_a_line_of_remedy_and_its_exit_code() -> None:
    done = run("config", "show", "--set", "kafka.grup_id=x")
    assert done.returncode == 2
    assert done.stdout == ""
    cause, remedy = done.stderr.splitlines()
    assert cause == "error: unknown setting kafka.grup_id (from a flag)"
    assert remedy.startswith("remedy: did you mean kafka.group_id?")


def test_an_error_stays_on_its_line_whatever_its_text_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise MillraceError("[bold]a\nb[/x] " + "long " * 50)

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: [bold]a b[/x] " + " ".join(["long"] * 50) + "\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["recommend"], ["evaluate", "x.csv", "--limit", "0"]])
def test_a_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_an_assignment_without_a_value_is_refused() -> None:
    error = invoke("config", "show", "--set", "kafka.group_id").exception
    assert isinstance(error, ConfigurationError)
    assert "sets nothing" in str(error)


def test_config_show_prints_toml_with_flags_over_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.toml"
    file.write_text('[kafka]\ngroup_id = "file"\nevents_topic = "file"\nitems_topic = "file"\n')
    monkeypatch.setenv("MILLRACE_KAFKA__GROUP_ID", "env")
    monkeypatch.setenv("MILLRACE_KAFKA__EVENTS_TOPIC", "env")
    flags = ["--set", "kafka.group_id=flag", "--bootstrap-servers", "k:9092", "--instance-id", "one"]
    result = invoke("config", "show", "--config", str(file), *flags)
    kafka = tomllib.loads(result.output)["kafka"]
    assert (kafka["group_id"], kafka["events_topic"], kafka["items_topic"]) == ("flag", "env", "file")
    assert (kafka["bootstrap_servers"], kafka["instance_id"]) == ("k:9092", "one")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_config_show_masks_secrets(form: list[str]) -> None:
    output = invoke("config", "show", "--redis-url", SECRET, *form).output
    assert "hunter2" not in output
    assert "**********" in output


def test_config_show_and_schema_are_json_for_programs() -> None:
    shown = json.loads(invoke("config", "show", "--json", "--set", "lists.size=7").output)
    assert shown["lists"]["size"] == 7
    schema = json.loads(invoke("config", "schema", "--json").output)
    assert schema["properties"].keys() == shown.keys()


def test_config_schema_tells_name_values_default_and_meaning() -> None:
    lines = invoke("config", "schema").output.splitlines()
    place = lines.index("  lists.size  (whole number above 0 and up to 100)  = 20")
    assert lines[place + 1].strip() == "Items in a list."


def test_doctor_tells_each_line_and_its_remedy_and_ends_with_3() -> None:
    result = invoke("doctor")
    assert result.exit_code == 3
    lines = result.output.splitlines()
    assert any(line.startswith("ok    python") for line in lines)
    place = next(index for index, line in enumerate(lines) if line.startswith("FAIL  kafka"))
    assert lines[place + 1].strip() == "-> set MILLRACE_KAFKA__BOOTSTRAP_SERVERS"


def test_doctor_is_json_for_programs_and_shows_no_secret() -> None:
    result = invoke("doctor", "--json", "--redis-url", SECRET)
    assert result.exit_code == 3
    findings = {finding["name"]: finding for finding in json.loads(result.output)}
    assert findings["python"]["ok"]
    assert not findings["redis"]["ok"]
    assert "hunter2" not in result.output


def test_a_worker_without_an_address_ends_with_2_and_names_the_setting() -> None:
    done = run("worker")
    assert done.returncode == 2
    cause, remedy = done.stderr.splitlines()
    assert cause == "error: no Kafka address is set"
    assert "MILLRACE_KAFKA__BOOTSTRAP_SERVERS" in remedy


def test_recommend_without_an_address_names_the_setting() -> None:
    error = invoke("recommend", "u1").exception
    assert isinstance(error, ConfigurationError)
    assert "MILLRACE_REDIS__URL" in error.remedy


def test_recommend_from_a_redis_that_is_away_ends_with_3() -> None:
    done = run("recommend", "u1", "--redis-url", SECRET)
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr
    assert "hunter2" not in done.stderr


def test_ctrl_c_ends_with_130_and_without_a_traceback() -> None:
    code = """
import time
import worker.embedded.services
from worker.cli import main
def run(folder, echo):
    echo("running")
    time.sleep(60)
worker.embedded.services.run_services = run
main()
"""
    command = [sys.executable, "-u", "-c", code, "services"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read().strip() == ""
