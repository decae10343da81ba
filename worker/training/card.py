"""The model card: data, parameters and figures of a trained model, for people."""

from collections.abc import Mapping
from typing import Any

NAMES = {"hr_at_10": "HR@10", "hr_at_20": "HR@20", "mrr_at_20": "MRR@20", "ndcg_at_10": "NDCG@10"}


def model_card(figures: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """Markdown."""
    data, test = figures["data"], figures["test"]
    lines = [
        f"# {figures['model']}",
        "",
        f"Trained by `millrace train`: {figures['epochs']} epochs, the best of them the {figures['best_epoch']}., "
        f"{figures['steps']:,} steps, of which {figures['steps_dropped']} were dropped, on {figures['device']}.",
        "",
        "## Data",
        "",
        f"{', '.join(data['files'])}: {data['events']:,} events of {data['users']:,} users. "
        f"{data['training']:,} events train, on {data['items']:,} items; "
        f"{data['validation']:,} validate, {data['test']:,} test. {data['split']}",
        "",
        "## Parameters",
        "",
        f"{figures['parameters']:,} numbers.",
        "",
        *(f"- {name}: {value}" for name, value in {**plan, **plan["encoder"]}.items() if name != "encoder"),
        "",
        "## Measured",
        "",
        f"Each held-out item against all items of training, users' own items "
        f"{'left out' if figures['seen_excluded'] else 'kept'}; an item that training never met is a miss "
        f"({test['unknown']:,} of {test['events']:,}). Histories go up to the event; parameters stand still.",
        "",
        f"| | {' | '.join(NAMES.values())} |",
        f"| --- |{' --- |' * len(NAMES)}",
        *(_row(name, figures[name]) for name in ("validation", "test")),
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, values: Mapping[str, float]) -> str:
    return f"| {name} | {' | '.join(f'{values[key]:.4f}' for key in NAMES)} |"
