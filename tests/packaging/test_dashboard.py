"""The dashboard's lint: the dashboard passes, and each fault is told."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks.dashboard import as_rules, faults
from deploy.grafana.dashboard import dashboard, text

FILE = Path(__file__).parents[2] / "deploy" / "grafana" / "millrace.json"

Json = dict[str, Any]


def spoiled(change: Callable[[Json, Json], object]) -> list[str]:
    """The faults once the whole, or its first panel, was changed."""
    whole = deepcopy(dashboard())
    change(whole, next(panel for panel in whole["panels"] if panel["type"] != "row"))
    return faults(whole)


def variable(whole: Json, name: str) -> Json:
    (found,) = (each for each in whole["templating"]["list"] if each["name"] == name)
    return found  # type: ignore[no-any-return]


def test_the_dashboard_is_what_its_file_makes_and_has_no_fault() -> None:
    assert FILE.read_text() == text(), "python -m deploy.grafana.dashboard writes it"
    assert faults(json.loads(FILE.read_text())) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda _, panel: panel.update(title=""), "no title"),
        (lambda _, panel: panel.update(description=""), "no description"),
        (lambda _, panel: panel["fieldConfig"]["defaults"].pop("unit"), "no unit"),
        (lambda _, panel: panel.update(targets=[]), "asks for nothing"),
        (lambda _, panel: panel.update(datasource={"type": "prometheus", "uid": "P1"}), "not of the data source"),
        (lambda _, panel: panel["targets"][0].pop("datasource"), "not of the data source"),
        (lambda _, panel: panel["targets"].append(panel["targets"][0]), "two queries of one refId"),
        (lambda _, panel: panel["targets"][0].pop("legendFormat"), "no legend"),
        (lambda _, panel: panel["targets"][0].update(expr="sum(millrace_ready)"), "not of the deployment"),
        (lambda _, panel: panel["targets"][0].update(expr="vector(1)"), "not of the deployment"),
        (lambda _, panel: panel["targets"][0].update(expr='x{a="$pod"}'), "variable pod: is not there"),
        (lambda whole, _: variable(whole, "job").update(name="work"), "variable work: is not used"),
        (lambda whole, _: variable(whole, "job").update(allValue=".+"), "variable job: all must include"),
        (lambda whole, _: variable(whole, "job").pop("datasource"), "variable job: not of the data source"),
        (lambda _, panel: panel.update(id=1), "two panels of one id"),
        (lambda _, panel: panel["gridPos"].update(x=20), "wider than the page"),
        (lambda _, panel: panel["gridPos"].update(x=4), "lies over"),
    ],
)
def test_a_fault_is_told(change: Callable[[Json, Json], object], fault: str) -> None:
    assert [told for told in spoiled(change) if fault in told]


def test_every_expression_is_a_rule_for_promtool_with_nothing_left_to_choose() -> None:
    rules = yaml.safe_load(as_rules(dashboard()))["groups"][0]["rules"]
    panels = dashboard()["panels"]
    assert len(rules) == sum(len(panel.get("targets", ())) for panel in panels) > 30
    assert len({rule["record"] for rule in rules}) == len(rules)
    assert not [rule["expr"] for rule in rules if "$" in rule["expr"]]
