import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from producers.cli import app
from worker.errors import ConfigurationError

RATINGS = "1::1193::5::978300761\n2::661::3::978300760\n3::99::1::978300762\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in its own process."""
    command = [sys.executable, "-m", "producers", *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=root)


@pytest.mark.parametrize("command", ["replay", "simulate", "import"])
def test_each_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: millrace {command}" in result.output


def test_the_commands_can_be_registered_elsewhere() -> None:
    names = {info.name or (info.callback.__name__ if info.callback else "") for info in app.registered_commands}
    assert names == {"replay", "simulate", "import"}


def test_an_import_writes_events_in_the_order_of_time(tmp_path: Path) -> None:
    source, out = tmp_path / "ratings.dat", tmp_path / "out.jsonl"
    source.write_text(RATINGS)
    result = CliRunner().invoke(app, ["import", "movielens", str(source), "--out", str(out), "--limit", "2"])
    assert result.exit_code == 0, result.output
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"user_id": "2", "item_id": "661", "event": "rate", "ts": 978300760000, "value": 3.0},
        {"user_id": "1", "item_id": "1193", "event": "rate", "ts": 978300761000, "value": 5.0},
    ]


def test_columns_and_kinds_are_imported_as_the_options_say(tmp_path: Path) -> None:
    source, out = tmp_path / "log.csv", tmp_path / "out.jsonl"
    source.write_text("who,what,when,did\na,x,2020-01-01,click\nb,y,2020-01-02,return\n,z,2020-01-03,click\n")
    names = ["--user-column=who", "--item-column=what", "--time-column=when", "--event-column=did"]
    kinds = ["--rename-kind=click=view_item", "--rename-kind=return="]
    result = CliRunner().invoke(app, ["import", "columns", str(source), "--out", str(out), *names, *kinds])
    assert result.exit_code == 0, result.output
    assert "left out 1 rows" in result.output
    assert [json.loads(line) for line in out.read_text().splitlines()] == [
        {"user_id": "a", "item_id": "x", "event": "view_item", "ts": 1577836800000}
    ]


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["replay"], "nothing or too much"),
        (["replay", "a.csv", "--sample"], "nothing or too much"),
        (["replay", "--sample", "--rate", "5", "--speed", "2"], "both a speed and a rate"),
        (["replay", "--sample", "--rate", "0"], "--rate is 0"),
        (["replay", "--sample", "--rename-kind", "click"], "renames nothing"),
        (["replay", "--sample", "--loop"], "a loop without a pace"),
        (["replay", "--sample"], "no Kafka is named"),
        (["import", "amazon", "a.csv", "--out", "b.jsonl", "--topic", "t"], "two places"),
        (["import", "amazon", "nothing.csv", "--out", "b.jsonl"], "there is no file nothing.csv"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    arguments: list[str], cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLRACE_KAFKA__BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ConfigurationError)
    assert cause in str(result.exception)
    assert result.exception.remedy


def test_a_kafka_that_does_not_answer_ends_with_3_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_KAFKA__CONNECT_TIMEOUT_SECONDS", "1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        result = run("replay", "--sample", "--bootstrap-servers", address)
    assert result.returncode == 3
    cause, remedy = result.stderr.strip().splitlines()
    assert cause.startswith(f"error: Kafka at {address} is not available")
    assert remedy.startswith("remedy: start Kafka")


def test_help_loads_nothing_heavy_and_no_command_loads_the_models() -> None:
    check = (
        "import sys, producers.cli;"
        "light = {'pyarrow', 'kafka', 'numpy', 'torch', 'numba', 'river'} & sys.modules.keys();"
        "import producers.commands;"
        "models = {'torch', 'numba', 'river', 'models'} & sys.modules.keys();"
        "print(sorted(light), sorted(models))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[] []"
