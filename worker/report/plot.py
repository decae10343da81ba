"""The curves of an evaluation as a drawing, by matplotlib where it is installed."""

from collections.abc import Mapping
from io import StringIO
from types import MappingProxyType
from typing import Any

MOST_EXPERTS = 5
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "millrace",  # the same figures give the same bytes
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
BLEND = {"color": "#0b4f8a", "linewidth": 2.0}
EXPERT = {"linewidth": 1.0, "alpha": 0.8}
BASELINE = {"linewidth": 1.6, "linestyle": ":"}
BASELINE_COLOURS = ("#1c2330", "#6b7280", "#a3aab6")


def curves_svg(curve: Mapping[str, Any], baselines: Mapping[str, list[float]] = MappingProxyType({})) -> str | None:
    """An `svg` element of the blend's HR@20 and MRR@20 along the stream, and HR@20 of the best experts and baselines.

    `baselines` holds their HR@20 at the curve's points. None where matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context  # the optional extra `plots`
        from matplotlib.figure import Figure
    except ImportError:
        return None
    drawn = StringIO()
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        _draw(figure, curve, baselines)
        figure.savefig(drawn, format="svg", metadata=NO_METADATA)
    text = drawn.getvalue()
    return text[text.index("<svg") :]  # a page has its own prologue


def _draw(figure: Any, curve: Mapping[str, Any], baselines: Mapping[str, list[float]]) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_blend(above, curve, "hr_at_20", "HR@20")
    _draw_blend(below, curve, "mrr_at_20", "MRR@20")
    for name in _best(curve["experts"], MOST_EXPERTS):
        above.plot(curve["events"], curve["experts"][name], label=name, zorder=1, **EXPERT)
    for name, colour in zip(_best(baselines, len(BASELINE_COLOURS)), BASELINE_COLOURS, strict=False):
        above.plot(curve["events"], baselines[name], label=f"{name} (known)", zorder=1, color=colour, **BASELINE)
    for axes in (above, below):
        axes.set_ylim(0, 1.05 * axes.dataLim.ymax or 1)
    below.set_xlabel("events of the stream")
    below.xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(*above.get_legend_handles_labels(), loc="outside right upper", frameon=False)


def _draw_blend(axes: Any, curve: Mapping[str, Any], figure: str, title: str) -> None:
    axes.plot(curve["events"], curve["fading"][figure], label="blend", zorder=2, **BLEND)
    axes.plot(curve["events"], curve["running"][figure], label="blend, running", zorder=2, linestyle="--", **BLEND)
    axes.set_ylabel(title)
    axes.grid(alpha=0.3)


def _best(curves: Mapping[str, list[float]], most: int) -> list[str]:
    return sorted(curves, key=lambda name: -sum(curves[name]))[:most]
