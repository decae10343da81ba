"""The report of an evaluation: one HTML page that needs nothing beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from math import isnan
from typing import Any

from worker.report.plot import curves_svg
from worker.report.served_lines import SERVED_HEAD, served_lines, served_notes

METRICS = {
    "HR@10": "hr_at_10",
    "HR@20": "hr_at_20",
    "MRR@20": "mrr_at_20",
    "NDCG@10": "ndcg_at_10",
    "NDCG@20": "ndcg_at_20",
}
EXPOSURE_HEAD = ("in the lists of the scored events", "")
EXPOSURE = {
    "coverage_at_10": ("Catalogue coverage at 10", "{:.1%}"),
    "coverage_at_20": ("Catalogue coverage at 20", "{:.1%}"),
    "gini_at_20": ("Gini index at 20", "{:.4f}"),
    "popularity_rank_at_20": ("Mean popularity rank at 20", "{:,.1f}"),
    "novelty_at_20": ("Novelty at 20", "{:.2f} bits"),
}
GROUPS = {
    "by_history": ("By history", "events of the user before"),
    "by_item_age": ("By age of the item", "events of the stream since the item first came"),
    "by_item_events": ("By events of the item", "events of the stream that the item had before"),
    "by_kind": ("By kind of event", "kind"),
}
NO_PLOT = "No plot: matplotlib is not installed. <code>pip install 'millrace[plots]'</code> brings it."
SERVED = (
    "Right before an event was sent, the user's list was read from Redis, or else the popular one. Lost: against "
    "ranking at every event, with an interval of 95 %. Outdated: made before the user's previous event, or none of "
    "their own."
)
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2330; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e3e7ee; white-space: nowrap; }
thead th { border-bottom: 2px solid #9aa5b8; white-space: normal; vertical-align: bottom; }
th:first-child { text-align: left; font-weight: 500; white-space: pre; }
tr.lead > * { font-weight: 700; }
figure { margin: 0; }
svg { max-width: 100%; height: auto; }
p.note, figcaption, dd { color: #4b5568; }
dt { font-weight: 600; }
code { background: #f0f2f6; padding: .1rem .3rem; }
"""
DEFINITIONS = {
    "Order": "Each event is ranked first, among all items that came before, and then learned.",
    "HR@k, MRR@k, NDCG@k": "Share of the scored events whose item stood among the first k; mean of 1 / rank and of "
    "1 / log2(1 + rank) of those, 0 for the others. Items of equal score count half.",
    "Catalogue coverage": "Share of all items of the stream that stood in the first 10 or 20 of a scored event's list.",
    "Gini index, popularity rank, novelty": "Over those lists: 0 = all items stood there equally often, near 1 = few "
    "took all places; mean over the places of the item's rank by events, from 1, and of -log2 of its share of events.",
    "Running, fading": "The mean over all scored events so far; the mean in which each counts a little less than the "
    "next one, by a factor of 1 - 1/window.",
    "Interval": "95 %, from 1,000 resamples of blocks of consecutive events.",
    "p": "McNemar's test on hits at 20. It takes events for independent; where baskets or sessions are hit together, "
    "trust the interval.",
}


def report_page(title: str, headline: str, rows: Mapping[str, Mapping[str, float]], figures: Mapping[str, Any]) -> str:
    """The page.

    Args:
        title: what was evaluated.
        headline: how much, and how long it took.
        rows: the figures of each line of the main table.
        figures: those of an evaluation, `worker.offline.Evaluation`.
    """
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>\n<p>{escape(headline)}</p>",
            _table(["", *METRICS], ([name, *_metrics(row)] for name, row in rows.items())),
            f"<h2>Along the stream</h2>\n{_plot(figures['curve'], figures.get('against', {}))}",
            f"<h2>The blend less each expert</h2>\n{_comparisons(figures['comparisons'])}",
            *_baselines(figures),
            *_served(figures),
            f"<h2>What the lists show</h2>\n{_table(EXPOSURE_HEAD, exposure_lines(figures['exposure']))}",
            *_groups(figures),
            f"<h2>How it was measured</h2>\n<dl>{''.join(map(_definition, DEFINITIONS.items()))}</dl>",
        ]
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _metrics(figures: Mapping[str, float]) -> list[str]:
    return [_number(figures[key]) for key in METRICS.values()]


def _groups(figures: Mapping[str, Any]) -> Iterator[str]:
    """A table for each grouping, without the groups that have no event."""
    for key, (title, meaning) in GROUPS.items():
        there = {name: row for name, row in figures.get(key, {}).items() if row["scored"]}
        if there:
            lines = ([name, f"{row['scored']:,}", *_metrics(row)] for name, row in there.items())
            yield f"<h2>{title}</h2>\n{_table([meaning, 'scored', *METRICS], lines)}"


def _baselines(figures: Mapping[str, Any]) -> Iterator[str]:
    """Known methods on the same events, where some were measured."""
    baselines = figures.get("against", {})
    if baselines:
        rows = {"blend": figures, **baselines}
        lines = ([name, *_metrics(row), f"{row['events_per_second']:,}"] for name, row in rows.items())
        yield f"<h2>Known methods on the same events</h2>\n{_table(['', *METRICS, 'events/s'], lines)}"
        contests = {name: row["comparison"] for name, row in baselines.items()}
        yield f"<h2>The blend less each known method</h2>\n{_comparisons(contests)}"


def _served(figures: Mapping[str, Any]) -> Iterator[str]:
    """What clients would have been shown, where the events went through a whole worker too."""
    if "served" in figures:
        table = _table(SERVED_HEAD, served_lines(figures["served"]))
        notes = "".join(f'<p class="note">{escape(note)}</p>' for note in [SERVED, *served_notes(figures["served"])])
        yield f"<h2>As served, by refresh interval</h2>\n{table}\n{notes}"


def exposure_lines(figures: Mapping[str, float]) -> list[list[str]]:
    """Name and value, for people, of each figure of `models.exposure`."""
    return [
        [title, "-" if isnan(figures[key]) else form.format(figures[key])] for key, (title, form) in EXPOSURE.items()
    ]


def _comparisons(comparisons: Mapping[str, Any]) -> str:
    lines = (
        [
            name,
            _interval(row["hr_at_20"]),
            _interval(row["mrr_at_20"]),
            f"{row['mcnemar']['first_only']:,}",
            f"{row['mcnemar']['second_only']:,}",
            "< 0.0001" if row["mcnemar"]["p_value"] < 1e-4 else f"{row['mcnemar']['p_value']:.4f}",
        ]
        for name, row in comparisons.items()
    )
    return _table(["", "HR@20", "MRR@20", "only the blend hit", "only the other hit", "p"], lines)


def _plot(curve: Mapping[str, Any], baselines: Mapping[str, Any]) -> str:
    if not curve["events"]:
        return '<p class="note">No event was scored.</p>'
    drawn = curves_svg(curve, {name: row["fading"] for name, row in baselines.items()})
    if drawn is None:
        return f'<p class="note">{NO_PLOT}</p>'
    window = f"{curve['window_events']:,}"
    return (
        f"<figure>{drawn}<figcaption>Solid and dotted: fading over {window} scored events. Dashed: "
        "running.</figcaption></figure>"
    )


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Cells are text; the first of each line is its header. The blend's line stands out."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    rows = "\n".join(map(_line, lines))
    return f'<div class="wide"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _line(cells: Sequence[str]) -> str:
    name, *values = map(escape, cells)
    start = '<tr class="lead">' if name == "blend" else "<tr>"
    return f'{start}<th scope="row">{name}</th>{"".join(f"<td>{value}</td>" for value in values)}</tr>'


def _definition(entry: tuple[str, str]) -> str:
    return f"<dt>{escape(entry[0])}</dt><dd>{escape(entry[1])}</dd>"


def _interval(row: Mapping[str, float]) -> str:
    if isnan(row["difference"]):
        return _number(row["difference"])
    return f"{row['difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})"


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.4f}"
