"""Writes the dashboard: `python -m deploy.grafana.dashboard`. Rate, errors, duration, then what lies behind them."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("millrace.json")
WIDTH, HEIGHT, COLUMNS = 8, 7, 3
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
DEPLOYMENT = 'namespace=~"$namespace", job=~"$job"'
OF = f'{{{DEPLOYMENT}, instance=~"$instance"}}'
RATE = "$__rate_interval"


class Panel(NamedTuple):
    """A graph.

    Attributes:
        series: expressions by legend.
        unit: as Grafana names it.
    """

    title: str
    description: str
    unit: str
    series: dict[str, str]


def rate(metric: str, by: str = "") -> str:
    """Of a counter, a second, over all workers chosen."""
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{OF}[{RATE}]))"


def quantiles(histogram: str) -> dict[str, str]:
    """Median and tail of a histogram in seconds."""
    return {
        name: f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{OF}[{RATE}])))"
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }


ROWS: dict[str, list[Panel]] = {
    "Rate": [
        Panel(
            "Events learned",
            "Events that the models learned, a second.",
            "ops",
            {"learned": rate("millrace_events_learned_total")},
        ),
        Panel(
            "Lists published",
            "Lists that became visible, a second; refused ones were not newer than what stood there.",
            "ops",
            {"published": rate("millrace_lists_published_total"), "refused": rate("millrace_lists_refused_total")},
        ),
        Panel(
            "Records polled",
            "Records that polls returned, a second.",
            "ops",
            {"polled": rate("millrace_records_polled_total")},
        ),
    ],
    "Errors": [
        Panel(
            "Rejections",
            "Records or events that were turned away, by reason.",
            "ops",
            {"{{reason}}": rate("millrace_rejected_total", "reason")},
        ),
        Panel(
            "Lists that Redis did not take",
            "They are made again.",
            "ops",
            {"failed": rate("millrace_lists_failed_total"), "left behind": rate("millrace_lists_unremoved_total")},
        ),
        Panel(
            "Dead letters lost",
            "Rejections that were only counted.",
            "ops",
            {"lost": rate("millrace_dead_letters_lost_total")},
        ),
    ],
    "Duration": [
        Panel(
            "Freshness",
            "From an event's time to the list that shows it; 2 s is the objective.",
            "s",
            quantiles("millrace_freshness_seconds"),
        ),
        Panel(
            "Late lists",
            "Share of lists later than 2 s; the objective is 1 %.",
            "percentunit",
            {f"{{{{job}}}} {time}": f"millrace:lists_late:ratio_rate{time}{{{DEPLOYMENT}}}" for time in ("5m", "1h")},
        ),
        Panel(
            "A batch",
            "Decoding, cleaning and learning what one poll returned.",
            "s",
            quantiles("millrace_batch_seconds"),
        ),
    ],
    "Workers": [
        Panel(
            "Ready",
            "1 while a worker reads events and publishes lists.",
            "bool",
            {"{{instance}}": f"millrace_ready{OF}"},
        ),
        Panel(
            "Partitions",
            "That a worker owns and has restored, and that the topic has.",
            "short",
            {
                "{{instance}}": f"millrace_owned_partitions{OF}",
                "{{job}} in all": f"max by (namespace, job) (millrace_topic_partitions{OF})",
            },
        ),
        Panel(
            "Memory",
            "Resident memory of the processes.",
            "bytes",
            {"{{instance}}": f"process_resident_memory_bytes{OF}"},
        ),
    ],
    "Lag": [
        Panel(
            "Records waiting",
            "Behind the end of the log, by partition.",
            "short",
            {"{{job}} {{partition}}": f"sum by (namespace, job, partition) (millrace_lag_records{OF})"},
        ),
        Panel(
            "Age of what was learned",
            "Of the newest event of the partition that is furthest behind; 0 where none waits.",
            "s",
            {"{{instance}}": f"millrace_lag_seconds{OF}"},
        ),
        Panel("Users waiting", "Whose list is out of date.", "short", {"{{instance}}": f"millrace_waiting_users{OF}"}),
    ],
    "Quality": [
        Panel(
            "Served hits",
            "Share of events whose item stood in the user's list, and what popularity would have hit.",
            "percentunit",
            {"lists": f"avg(millrace_served_hit_rate{OF})", "popular": f"avg(millrace_served_popular_hit_rate{OF})"},
        ),
        Panel(
            "Reciprocal rank",
            "Mean of 1/rank of these events, 0 for a miss.",
            "short",
            {"lists": f"avg(millrace_served_mrr{OF})"},
        ),
        Panel(
            "Served hits by kind",
            "Share of the events of each kind.",
            "percentunit",
            {"{{kind}}": " / ".join(rate(f"millrace_served_kind_{what}_total", "kind") for what in ("hits", "events"))},
        ),
    ],
    "Drift": [
        Panel(
            "Changes seen",
            "By what changed, in an hour.",
            "short",
            {"{{signal}}": f"sum by (signal) (increase(millrace_drift_total{OF}[1h]))"},
        ),
        Panel(
            "Exploration",
            "New items in lists, and events that took them.",
            "ops",
            {"shown": rate("millrace_explored_items_total"), "taken": rate("millrace_explored_hits_total")},
        ),
        Panel(
            "Trainings of the sequence expert",
            "Begun, or left out by its budget.",
            "ops",
            {"{{outcome}}": rate("millrace_sequence_trainings_total", "outcome")},
        ),
    ],
    "Redis and memory": [
        Panel("Publishing", "A chunk of lists.", "s", quantiles("millrace_publish_seconds")),
        Panel(
            "Budgets",
            "Rows in use, of those that there is room for.",
            "percentunit",
            {"{{instance}} {{budget}}": f"millrace_memory_used_ratio{OF}"},
        ),
        Panel(
            "Known",
            "Users and items that workers remember.",
            "short",
            {"users {{instance}}": f"millrace_known_users{OF}", "items {{instance}}": f"millrace_known_items{OF}"},
        ),
    ],
    "Snapshots": [
        Panel(
            "Age",
            "Time since the last snapshot: what a crash would cost; and the interval that is set.",
            "s",
            {
                "{{instance}}": f"millrace_snapshot_age_seconds{OF}",
                "interval": f"max(millrace_snapshot_interval_seconds{OF})",
            },
        ),
        Panel("Size", "Of the last snapshot.", "bytes", {"{{instance}}": f"millrace_snapshot_bytes{OF}"}),
        Panel(
            "Failures",
            "Snapshots that could not be written, in an hour.",
            "short",
            {"{{instance}}": f"sum by (instance) (increase(millrace_snapshot_failures_total{OF}[1h]))"},
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """As Grafana takes it."""
    return {
        "uid": "millrace",
        "title": "Millrace",
        "tags": ["millrace"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_source(), *_variables()]},
        "panels": _panels(),
    }


def text() -> str:
    """A panel a line."""
    whole = dashboard()
    panels = ",\n".join(json.dumps(panel) for panel in whole.pop("panels"))
    head = json.dumps(whole, indent=1).removesuffix("\n}")
    return f'{head},\n "panels": [\n{panels}\n ]\n}}\n'


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": _place(0, top, 24, 1),
            }
        )
        for column, panel in enumerate(row):
            found.append(_graph(len(found) + 1, panel, _place(column * WIDTH, top + 1, WIDTH, HEIGHT)))
        top += 1 + HEIGHT * -(-len(row) // COLUMNS)
    return found


def _graph(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend, "datasource": SOURCE}
        for index, (legend, expression) in enumerate(panel.series.items())
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _variables() -> list[dict[str, Any]]:
    """Each offers what those before it leave. A Prometheus without namespaces offers none, and all is what has none."""
    return [
        _variable("namespace", "Namespace", "millrace_build_info"),
        _variable("job", "Job", 'millrace_build_info{namespace=~"$namespace"}'),
        _variable("instance", "Worker", f"millrace_build_info{{{DEPLOYMENT}}}"),
    ]


def _variable(name: str, label: str, series: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "label": label,
        "datasource": SOURCE,
        "query": f"label_values({series}, {name})",
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "refresh": 2,
    }


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
    sys.stdout.write(f"{FILE.name} is written\n")
