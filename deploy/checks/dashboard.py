"""What makes a dashboard wrong or hard to use: a panel that does not explain itself, a query without a choice."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import yaml

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
DEPLOYMENT = ('namespace=~"$namespace"', 'job=~"$job"')
SELECTOR = re.compile(r"\b(?:millrace[_:]|process_)[\w:]+(?:\{([^}]*)\})?")
VARIABLE = re.compile(r"\$\{?(\w+)")
GRAFANAS_OWN = "__"

Json = dict[str, Any]


def faults(dashboard: Json) -> list[str]:
    """What is wrong with it, a line each."""
    panels = _graphs(dashboard)
    return [
        *(f"{panel.get('title') or panel['id']}: {fault}" for panel in panels for fault in _panel_faults(panel)),
        *_variable_faults(dashboard),
        *_layout_faults(dashboard["panels"]),
    ]


def as_rules(dashboard: Json) -> str:
    """Its expressions, with something chosen, as a file of rules that promtool can read."""
    targets = [(panel["id"], each) for panel in _graphs(dashboard) for each in panel.get("targets", ())]
    rules = [
        {"record": f"dashboard:{number}:{target['refId']}", "expr": chosen(target["expr"])}
        for number, target in targets
    ]
    return str(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))


def chosen(expression: str, rate_interval: str = "1m") -> str:
    """An expression as Grafana asks it when all is chosen."""
    return VARIABLE.sub(".*", expression.replace("$__rate_interval", rate_interval))


def _graphs(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _panel_faults(panel: Json) -> Iterator[str]:
    for word in ("title", "description"):
        if not panel.get(word):
            yield f"no {word}"
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield "no unit"
    targets = panel.get("targets", [])
    if not targets:
        yield "asks for nothing"
    if any(each.get("datasource") != SOURCE for each in (panel, *targets)):
        yield "not of the data source that is chosen"
    if len({target.get("refId") for target in targets}) < len(targets):
        yield "two queries of one refId"
    for target in targets:
        yield from _query_faults(target)


def _query_faults(target: Json) -> Iterator[str]:
    if not target.get("legendFormat"):
        yield "no legend"
    selectors = SELECTOR.findall(target["expr"])
    if not selectors or any(choice not in selector for selector in selectors for choice in DEPLOYMENT):
        yield f"not of the deployment that is chosen: {target['expr']}"


def _variable_faults(dashboard: Json) -> Iterator[str]:
    variables = dashboard["templating"]["list"]
    names = {each["name"] for each in variables}
    queries = [each for each in variables if each["type"] == "query"]
    asked = [target["expr"] for panel in _graphs(dashboard) for target in panel.get("targets", ())]
    used = set(VARIABLE.findall(" ".join([*asked, *(each["query"] for each in queries), SOURCE["uid"]])))
    used = {name for name in used if not name.startswith(GRAFANAS_OWN)}
    yield from (f"variable {name}: is not there" for name in sorted(used - names))
    yield from (f"variable {name}: is not used" for name in sorted(names - used))
    for each in queries:
        if each.get("datasource") != SOURCE:
            yield f"variable {each['name']}: not of the data source that is chosen"
        if not (each.get("includeAll") and each.get("allValue") == ".*"):
            yield f"variable {each['name']}: all must include what lacks the label"


def _layout_faults(panels: list[Json]) -> Iterator[str]:
    if len({panel["id"] for panel in panels}) < len(panels):
        yield "two panels of one id"
    for panel in panels:
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > COLUMNS:
            yield f"{panel['title']}: wider than the page"
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            yield f"{one['title']}: lies over {other['title']}"


def _overlap(one: Json, other: Json) -> bool:
    return bool(
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )
