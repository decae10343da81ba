"""Alerts and dashboard: each alert has a runbook and a test, and what they ask for is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.metrics_reference import reference

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
TESTS = sorted(RULES.parent.glob("*_test.yaml"))
DASHBOARD = ROOT / "deploy" / "grafana" / "millrace.json"
OWN = re.compile(r"\bmillrace_[a-z0-9_]+")
RECORDED = re.compile(r"\bmillrace:[a-z0-9_:]+")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    return [rule["expr"] for rule in rules()] + [target["expr"] for panel in panels() for target in panel["targets"]]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^### (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}
    assert anchor == alert["alert"].lower()


def test_each_alert_is_seen_to_fire_and_not_to_fire() -> None:
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    names = {alert["alert"] for alert in alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule.get("alert", rule.get("record"))))
def test_a_rule_keeps_deployments_apart(rule: dict[str, Any]) -> None:
    for labels in re.findall(r"(?:by|on) \(([^)]+)\)", rule["expr"]):
        assert labels.startswith("namespace, job"), labels
    sums = re.findall(r"(?<!:)\b(?:sum|max|min|avg|count|group)\b", rule["expr"])
    assert len(sums) == len(re.findall(r"\bby \(", rule["expr"]))
    for series in re.findall(r"\b(?:up|millrace[_:][\w:]+)\b(.{8})", rule["expr"]):
        assert series == '{job!=""', "the chart puts its release in place of that"


def test_what_rules_and_panels_ask_for_is_measured_or_recorded() -> None:
    known = set(re.findall(r"^\| `(millrace_\w+)`", reference(), re.MULTILINE))
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for expression in expressions():
        asked = {re.sub(r"_(bucket|sum|count)$", "", name) for name in OWN.findall(expression)}
        assert asked <= known | {name for name in OWN.findall(expression) if name in known}
        assert set(RECORDED.findall(expression)) <= recorded
