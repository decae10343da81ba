"""A real Prometheus that scrapes one worker, by rules that are as quick as a test has to be."""

import json
import re
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml
from typing_extensions import override

from worker.embedded.ports import HOST, is_listening
from worker.embedded.server import EmbeddedServer
from worker.errors import ConfigurationError

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yaml"
MINUTE_SECONDS = 4
_TIME = re.compile(r"(?<=\[)(\d+)(m|h)(?=\])|^(\d+)(m|h)$")


def quickened(text: str) -> str:
    """Rules in which a minute lasts four seconds."""
    rules = yaml.safe_load(text)
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = _TIME.sub(_seconds, rule["expr"])
            if "for" in rule:
                rule["for"] = _TIME.sub(_seconds, rule["for"])
    return str(yaml.safe_dump(rules))


def _seconds(found: re.Match[str]) -> str:
    number, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    return f"{int(number) * (60 if unit == 'h' else 1) * MINUTE_SECONDS}s"


class PrometheusServer(EmbeddedServer):
    """Scrapes the port each half second."""

    name = "Prometheus"
    port_count = 1
    grace_seconds = 10.0

    def __init__(self, scraped_port: int) -> None:
        super().__init__()
        self._scraped_port = scraped_port

    @override
    def _command(self) -> list[str]:
        program = shutil.which("prometheus")
        if program is None:
            raise ConfigurationError("no Prometheus is on this machine", "install prometheus")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "rules.yaml").write_text(quickened(RULES.read_text("utf-8")), "utf-8")
        scraping = [{"job_name": "millrace", "static_configs": [{"targets": [f"{HOST}:{self._scraped_port}"]}]}]
        configuration = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": scraping,
        }
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), "utf-8")
        return [
            program,
            f"--config.file={self.folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{self._ports[0]}",
            "--log.level=warn",
        ]

    @override
    def _answers(self, pid: int) -> bool:
        if not is_listening(self._ports[0]):
            return False
        try:
            with urlopen(f"http://{HOST}:{self._ports[0]}/-/ready", timeout=5) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except OSError:  # not yet
            return False

    def result(self, expression: str) -> list[dict[str, Any]]:
        """What an expression says now; fails where Prometheus cannot evaluate it."""
        answer = self._ask("query", query=expression)
        found: list[dict[str, Any]] = answer["result"]
        return found

    def alert_states(self) -> dict[str, str]:
        """`pending` or `firing`, of the alerts that are."""
        return {each["labels"]["alertname"]: each["state"] for each in self._ask("alerts")["alerts"]}

    def broken_rules(self) -> dict[str, str]:
        """Errors by rule, of those that were evaluated."""
        groups = self._ask("rules")["groups"]
        return {rule["name"]: rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")}

    def _ask(self, what: str, **parameters: str) -> dict[str, Any]:
        address = f"http://{HOST}:{self._ports[0]}/api/v1/{what}?{urlencode(parameters)}"
        with urlopen(address, timeout=10) as answer:  # a wrong expression is an error, 400
            data: dict[str, Any] = json.load(answer)["data"]
        return data
