"""The model card: data, parameters and figures of a trained model, for people."""

from collections.abc import Iterator, Mapping
from typing import Any

NAMES = {"hr_at_10": "HR@10", "hr_at_20": "HR@20", "mrr_at_20": "MRR@20", "ndcg_at_10": "NDCG@10"}
VALUE_NAMES = {"rmse": "RMSE", "auc": "AUC"}


def model_card(figures: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """Markdown."""
    data = figures["data"]
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
        *_parameters(plan),
        "",
        "## Measured",
        "",
        *_table(figures),
        *_values(figures),
    ]
    return "\n".join(lines) + "\n"


def measured(figures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Names and figures of what was ranked: held-out parts, and the events of each kind where there are several."""
    for part in ("validation", "test"):
        if "hr_at_10" in figures[part]:
            yield part, figures[part]
        for kind, values in figures[part].get("kinds", {}).items():
            yield f"{part}, {kind}", values


def told(figures: Mapping[str, Any]) -> Iterator[str]:
    """A sentence a part on the values that events state, where they are told."""
    for part in ("validation", "test"):
        values = figures[part].get("values", {})
        for name, label in VALUE_NAMES.items():
            if name in values:
                yield (
                    f"{part}: {label} {values[name]:.4f} over {values['events']:,} events that state a value "
                    f"({values[f'{name}_of_item_means']:.4f} by the items' means)"
                )


def _parameters(plan: Mapping[str, Any]) -> Iterator[str]:
    """A line each; those of a part of the plan stand where the part stood."""
    for name, value in plan.items():
        if isinstance(value, Mapping):
            yield from _parameters(value)
        else:
            yield f"- {name}: {', '.join(value) if isinstance(value, tuple) else value}"


def _table(figures: Mapping[str, Any]) -> list[str]:
    """How it was ranked, and the figures; nothing where nothing was."""
    rows = [f"| {name} | {' | '.join(f'{values[key]:.4f}' for key in NAMES)} |" for name, values in measured(figures)]
    if not rows:
        return []
    return [
        f"Each held-out item against all items of training, users' own items "
        f"{'left out' if figures['seen_excluded'] else 'kept'}; an item that training never met is a miss "
        f"({figures['test']['unknown']:,} of {figures['test']['events']:,}). Histories go up to the event; parameters "
        f"stand still.",
        "",
        f"| | {' | '.join(NAMES.values())} |",
        f"| --- |{' --- |' * len(NAMES)}",
        *rows,
    ]


def _values(figures: Mapping[str, Any]) -> list[str]:
    sentences = [f"- {sentence}" for sentence in told(figures)]
    return ["", *sentences] if sentences else []
